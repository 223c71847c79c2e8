import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { isBusy, isDamage, isRowFault, whileBusy } from '../../db/busy.ts';
import { hastyEnv } from '../state/rooms.ts';
import { shows } from '../support/shows.ts';

const busy = () => new BetterSqlite3.SqliteError('database is locked', 'SQLITE_BUSY');

describe('a busy database', () => {
  shows('F43', 'is tried again until its lock is free, while the loop goes on', async () => {
    const env = hastyEnv();
    let tries = 0;
    let turns = 0;
    const count = () => {
      turns += 1;
      if (tries < 5) setImmediate(count);
    };
    setImmediate(count);
    const result = await whileBusy(env, { budgetMs: 2_000 }, () => {
      tries += 1;
      if (tries < 5) throw busy();
      return 'written';
    });
    expect([result, tries]).toEqual(['written', 5]);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  shows('F43', 'is given up when the budget is over', async () => {
    const env = hastyEnv();
    const from = env.monotonic();
    const locked = () => {
      throw busy();
    };
    await expect(whileBusy(env, { budgetMs: 2_000 }, locked)).rejects.toThrow('locked');
    expect(env.monotonic() - from).toBeGreaterThanOrEqual(2_000);
  });

  it('is tried once without a budget, and once more after an abort', async () => {
    let tries = 0;
    const locked = () => {
      tries += 1;
      throw busy();
    };
    await expect(whileBusy(hastyEnv(), { budgetMs: 0 }, locked)).rejects.toThrow('locked');
    expect(tries).toBe(1);
    const closing = new AbortController();
    const waiting = whileBusy(
      { ...hastyEnv(), timer: () => () => {} },
      { budgetMs: 1, signal: closing.signal },
      locked,
    );
    closing.abort();
    await expect(waiting).rejects.toThrow('locked');
    expect(tries).toBe(3);
  });

  it('is told from a damaged one and from a row that never fits', () => {
    const failure = (code: string) => new BetterSqlite3.SqliteError('', code);
    expect(isBusy(failure('SQLITE_BUSY_SNAPSHOT'))).toBe(true);
    expect(isDamage(failure('SQLITE_CORRUPT_VTAB'))).toBe(true);
    expect(isDamage(failure('SQLITE_NOTADB'))).toBe(true);
    expect(isRowFault(failure('SQLITE_CONSTRAINT_NOTNULL'))).toBe(true);
    expect(isRowFault(new TypeError('a bug'))).toBe(true);
    expect([isBusy, isDamage, isRowFault].some((is) => is(failure('SQLITE_FULL')))).toBe(false);
  });
});
