/** What the command line can know without a running supervisor: it reads the state directories and writes nothing. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { BUSY_BUDGET_MS, isBusy, whileBusy } from '../../db/busy.ts';
import type { RestartReport } from '../control/schemas.ts';
import { type Env, systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { findKey, keySource } from '../serializer/key.ts';
import { createSeal } from '../serializer/seal.ts';
import { databaseFile, type Environment, stateDirectory, stateHome } from './directory.ts';
import { ReportHistory, type RestartStats } from './history.ts';
import { isLive } from './live.ts';

export interface ListedInstance {
  name: string;
  instance: string;
  pid: number;
  socketPath: string;
  /** Epoch milliseconds. */
  startedAt: number;
  command: string[];
  cwd: string;
  version: string;
  /** False: it died, and no later start has buried it yet. */
  alive: boolean;
}

export interface HistoryReader {
  /** Newest first. */
  history(limit: number): RestartReport[];
  /** By id or by a unique prefix of it. */
  findReport(idOrPrefix: string): RestartReport | null;
  stats(): RestartStats;
  close(): void;
}

/** Every name that has a database, sorted. */
export async function listNames(environment: Environment): Promise<string[]> {
  const home = stateHome(environment);
  if (!existsSync(home)) return [];
  const entries = await readdir(home, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isFile()).map((entry) => entry.name);
  return names.filter((name) => existsSync(databaseFile(`${home}/${name}`))).sort();
}

/**
 * The instances of all names that have not ended, newest first. A database that cannot be read is left out and handed
 * to `onUnreadable`.
 */
export async function listInstances(
  environment: Environment,
  onUnreadable: (name: string, error: SegueError) => void = () => {},
  env: Env = systemEnv,
): Promise<ListedInstance[]> {
  const found: ListedInstance[] = [];
  for (const name of await listNames(environment)) {
    try {
      found.push(...(await instancesOf(name, environment, env)));
    } catch (error) {
      onUnreadable(name, SegueError.from(error, 'SYSTEM_NOT_READY'));
    }
  }
  return found.sort((a, b) => b.startedAt - a.startedAt);
}

async function instancesOf(name: string, environment: Environment, env: Env): Promise<ListedInstance[]> {
  const { connectReadOnly } = await import('../../db/database.ts');
  return whenUnlocked(name, env, () => {
    const db = connectReadOnly(databaseFile(stateDirectory(name, environment)));
    try {
      return db.instances.unended().map((row) => ({
        name,
        instance: row.id,
        pid: row.pid,
        socketPath: row.socketPath,
        startedAt: row.startedAt,
        command: row.command,
        cwd: row.cwd,
        version: row.version,
        alive: isLive(env, row),
      }));
    } finally {
      db.close();
    }
  });
}

/** SQLite locks even readers out for a moment, when the last writer closes the database. */
async function whenUnlocked<T>(name: string, env: Env, read: () => T): Promise<T> {
  try {
    return await whileBusy(env, { budgetMs: BUSY_BUDGET_MS }, read);
  } catch (cause) {
    if (!isBusy(cause)) throw cause;
    const message = `the database of "${name}" is held by another process; try again soon`;
    throw new SegueError('SYSTEM_NOT_READY', message, { cause });
  }
}

/**
 * The restart history of a name. Stderr tails are left out where there is no key. Rejects INVALID_PARAMETERS for a name
 * without state, STATE_CORRUPTION or SYSTEM_NOT_READY for a database that cannot be read.
 */
export async function openHistory(
  name: string,
  environment: Environment,
  env: Env = systemEnv,
): Promise<HistoryReader> {
  const file = databaseFile(stateDirectory(name, environment));
  if (!existsSync(file)) throw new SegueError('INVALID_PARAMETERS', `nothing is known of "${name}"`);
  const key = await findKey(keySource(environment));
  const { connectReadOnly } = await import('../../db/database.ts');
  const db = await whenUnlocked(name, env, () => connectReadOnly(file));
  const reports = new ReportHistory(() => ({ db, seal: key && createSeal(key, env) }));
  return {
    history: (limit) => reports.newest(limit),
    findReport: (idOrPrefix) => reports.find(idOrPrefix),
    stats: () => reports.stats(),
    close: () => db.close(),
  };
}
