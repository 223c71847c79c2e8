/** What a check of `segue doctor` says, and what it may look at. A check changes nothing on this machine. */
import { stat } from 'node:fs/promises';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { Environment } from '../state/directory.ts';

export interface Finding {
  /** Of the check, with what it looked at where that can be several: `database files`. */
  check: string;
  status: 'ok' | 'warning' | 'failure';
  /** Text of others may be in it. */
  detail: string;
  /** What to do; on everything that is not ok. */
  advice?: string;
}

/** The machine as the checks see it. A test plants a fault in here that it cannot plant on the machine. */
export interface Surroundings {
  env: Env;
  environment: Environment;
  cwd: string;
  nodeVersion: string;
  /** Bytes that this user may still write to the disk that `path` lies on. */
  freeBytes(path: string): Promise<number>;
}

/** Of one area: finds out, and never throws for what it was to find out. `config`: null where it is not valid. */
export type Examine = (surroundings: Surroundings, config: Config | null) => Promise<Finding[]>;

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail };
}

export function warning(check: string, detail: string, advice: string): Finding {
  return { check, status: 'warning', detail, advice };
}

export function failure(check: string, detail: string, advice: string): Finding {
  return { check, status: 'failure', detail, advice };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Why `privateDirectory` would refuse it, or what it would have to put right. Null where there is none yet. */
export async function directoryFinding(check: string, path: string): Promise<Finding | null> {
  const facts = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (facts instanceof Error) {
    if (facts.code === 'ENOENT') return null;
    return failure(check, `${path} cannot be looked at (${facts.code})`, 'make it a directory of yours');
  }
  if (!facts.isDirectory())
    return failure(check, `${path} is no directory`, `move it away: mv ${path} ${path}.old`);
  const uid = process.getuid?.();
  if (uid === undefined) return ok(check, path); // no owners and modes on this platform
  if (facts.uid !== uid)
    return failure(check, `${path} belongs to another user (uid ${facts.uid})`, `chown -R ${uid} ${path}`);
  if ((facts.mode & 0o022) !== 0)
    return failure(check, `others may write to ${path}`, `chmod 700 ${path}, and look what is in it`);
  if ((facts.mode & 0o055) !== 0) return warning(check, `others may read ${path}`, `chmod 700 ${path}`);
  if ((facts.mode & 0o300) !== 0o300) return failure(check, `${path} is not writable`, `chmod 700 ${path}`);
  return ok(check, path);
}
