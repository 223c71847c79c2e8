/** SQLite's quick_check of a database, in a worker thread. */
import type { Env } from '../env.ts';
import { ownModule } from '../package-files.ts';
import { runThread } from '../thread.ts';

export interface IntegrityResult {
  /** 'ok', or what is wrong. */
  result: string;
  /** The database itself is damaged: the check went through and found it. */
  damaged: boolean;
  /** On the monotonic clock. */
  at: number;
}

interface Found {
  problems?: string[];
  /** The file is no database, or so damaged that the check ended. */
  damage?: string;
}

/** Resolves with the result, also when the check itself failed. Does not keep the process alive. */
export async function checkIntegrity(file: string, env: Env, signal: AbortSignal): Promise<IntegrityResult> {
  const module = ownModule('db/integrity');
  try {
    const found = await runThread<Found>({ module, name: 'segue-integrity', data: file, signal });
    const result = found.damage ?? found.problems?.join('; ') ?? '';
    return { result, damaged: result !== 'ok', at: env.monotonic() };
  } catch (error) {
    const result = `the check failed: ${error instanceof Error ? error.message : error}`;
    return { result, damaged: false, at: env.monotonic() };
  }
}
