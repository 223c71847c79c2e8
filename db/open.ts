/**
 * Opens `segue.<epoch>.db`: WAL, every commit synced to disk (F46), no waiting inside SQLite (F43), migrations applied
 * at start. The file and what SQLite puts beside it are 0600. A database that a newer version wrote is refused before
 * anything is written to it (F47).
 */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';

import type { Env } from '../src/env.ts';
import { SegueError } from '../src/errors.ts';
import { packageFile } from '../src/package-files.ts';
import { type BusyLimits, isBusy, isDamage, whileBusy } from './busy.ts';
import { drizzle, readMigrationFiles } from './drizzle.ts';

export type Orm = BetterSQLite3Database;

export interface Opened {
  raw: BetterSqlite3.Database;
  orm: Orm;
}

/** Rejects STATE_CORRUPTION (damaged, or from a newer version) or SYSTEM_NOT_READY (locked, disk, rights). */
export async function openDatabase(file: string, env: Env, limits: BusyLimits): Promise<Opened> {
  let raw: BetterSqlite3.Database | undefined;
  try {
    makePrivateFile(file);
    const opened = new BetterSqlite3(file, { timeout: 0 });
    raw = opened;
    await whileBusy(env, limits, () => prepare(opened));
    return { raw: opened, orm: drizzle(opened) };
  } catch (error) {
    raw?.close();
    throw named(error, file);
  }
}

/** The same tables, gone with the process. */
export function openInMemory(): Opened {
  const raw = new BetterSqlite3(':memory:');
  prepare(raw);
  return { raw, orm: drizzle(raw) };
}

/** For readers beside the supervisor. Rejects as `openDatabase` does; never writes. */
export function openReadOnly(file: string): Opened {
  let raw: BetterSqlite3.Database | undefined;
  try {
    raw = openAgain(file);
    const known = migrations();
    if (appliedOf(raw, known) < known.length) {
      throw new SegueError('SYSTEM_NOT_READY', `${file} was not yet brought to this version of Segue`);
    }
    return { raw, orm: drizzle(raw) };
  } catch (error) {
    raw?.close();
    throw named(error, file);
  }
}

/** What this process itself has open, and so knows to be of its version. Throws what SQLite throws. */
export function openAgain(file: string): BetterSqlite3.Database {
  return new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: 0 });
}

/**
 * A copy of a database, to look at: sound, made by Segue, of this version or an older one. Throws STATE_CORRUPTION or
 * SYSTEM_NOT_READY with the reason.
 */
export function openBackup(file: string): BetterSqlite3.Database {
  let raw: BetterSqlite3.Database | undefined;
  try {
    raw = new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: 0 });
    if (appliedOf(raw, migrations()) === 0)
      throw new SegueError('STATE_CORRUPTION', `${file} is no database of Segue`);
    const problems = raw.prepare('pragma quick_check(5)').pluck().all();
    if (problems.join() !== 'ok')
      throw new SegueError('STATE_CORRUPTION', `${file} is damaged: ${problems.join('; ')}`);
    return raw;
  } catch (error) {
    raw?.close();
    throw named(error, file);
  }
}

/** SQLite gives its -wal and -shm files the mode of the database. */
export function makePrivateFile(file: string): void {
  try {
    // Only a new file is opened here: closing a descriptor drops every lock that this process has on the file.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(file, 0o600);
}

/** Safe to repeat. The order matters: nothing is written before the version was looked at. */
function prepare(raw: BetterSqlite3.Database): void {
  const known = migrations();
  const applied = appliedOf(raw, known);
  raw.pragma('journal_mode = WAL');
  raw.pragma('synchronous = FULL');
  raw.pragma('foreign_keys = ON');
  if (applied < known.length) migrate(raw, known);
}

type Migrations = ReturnType<typeof readMigrationFiles>;

/**
 * drizzle-orm's own `migrate` reads what was applied outside its transaction: two supervisors that start at the same
 * moment would both create the tables. The journal table is the one that it uses.
 */
function migrate(raw: BetterSqlite3.Database, known: Migrations): void {
  raw
    .transaction(() => {
      raw.exec(
        'create table if not exists __drizzle_migrations (id integer primary key, hash text not null, created_at numeric)',
      );
      const record = raw.prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)');
      for (const migration of known.slice(appliedOf(raw, known))) {
        for (const statement of migration.sql) raw.exec(statement);
        record.run(migration.hash, migration.folderMillis);
      }
    })
    .immediate();
}

/** How many of our migrations the database has. Throws when it has others. */
function appliedOf(raw: BetterSqlite3.Database, known: Migrations): number {
  const journal = raw.prepare("select 1 from sqlite_master where name = '__drizzle_migrations'").get();
  if (journal === undefined) return 0;
  const hashes = raw.prepare('select hash from __drizzle_migrations order by id').pluck().all();
  const ours = hashes.length <= known.length && hashes.every((hash, n) => hash === known[n]?.hash);
  if (ours) return hashes.length;
  const writer = writerOf(raw);
  throw new SegueError(
    'STATE_CORRUPTION',
    `${raw.name} was written by ${writer === null ? 'another version of Segue' : `Segue ${writer}`}: ` +
      `its schema is version ${hashes.length}, this Segue knows ${known.length}`,
    { data: { file: raw.name, schema: hashes.length, known: known.length, written_by: writer } },
  );
}

function writerOf(raw: BetterSqlite3.Database): string | null {
  try {
    const version = raw.prepare('select version from instances order by started_at desc').pluck().get();
    return typeof version === 'string' ? version : null;
  } catch (error) {
    if (isBusy(error)) throw error;
    return null; // that schema keeps it elsewhere
  }
}

let read: Migrations | undefined;

function migrations(): Migrations {
  read ??= readMigrationFiles({ migrationsFolder: fileURLToPath(packageFile('db/migrations')) });
  return read;
}

function named(error: unknown, file: string): SegueError {
  if (error instanceof SegueError) return error;
  const why = error instanceof Error ? error.message : String(error);
  if (isDamage(error)) {
    return new SegueError('STATE_CORRUPTION', `the database ${file} is damaged: ${why}`, {
      data: { file },
      cause: error,
    });
  }
  return new SegueError('SYSTEM_NOT_READY', `the database ${file} cannot be opened: ${why}`, {
    data: { file },
    cause: error,
  });
}
