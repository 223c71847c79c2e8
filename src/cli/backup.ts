/** `segue backup FILE` and `segue restore-db FILE`: the database of a name, copied and put back. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { databaseFile, stateDirectory } from '../state/directory.ts';
import { size } from './format.ts';
import { runningInstances } from './instance.ts';
import { plainJson, plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

export interface BackupOptions {
  name: string;
  force?: boolean;
  json?: boolean;
}

/** What takes no longer needs no picture. */
const SHOW_AFTER_MS = 1_000;

/** @throws SegueError INVALID_PARAMETERS for an unknown name or a file that exists */
export async function backup(terminal: Terminal, path: string, options: BackupOptions): Promise<number> {
  const database = databaseFile(stateDirectory(options.name, terminal.environment));
  if (!existsSync(database))
    throw new SegueError('INVALID_PARAMETERS', `nothing is known of "${options.name}"`);
  const file = resolve(terminal.cwd, path);
  const { backUp } = await import('../state/backup.ts');
  const picture = await startPicture(terminal);
  const force = options.force === true;
  await backUp(database, file, { env: systemEnv, force, onProgress: picture.update }).finally(picture.end);
  const { statSync } = await import('node:fs');
  const bytes = statSync(file).size;
  if (options.json) terminal.out(plainJson({ file, bytes }));
  else terminal.out(`${plainLine(file)}: ${size(bytes)}`);
  return 0;
}

/** @throws SegueError SYSTEM_NOT_READY while an instance of that name runs, STATE_CORRUPTION for a file of no use */
export async function restoreDb(terminal: Terminal, path: string, options: BackupOptions): Promise<number> {
  const mayReplace = () => refuseWhileRunning(terminal, options.name);
  await mayReplace();
  const database = databaseFile(stateDirectory(options.name, terminal.environment));
  const { restoreBackup } = await import('../state/backup.ts');
  const kept = await restoreBackup(resolve(terminal.cwd, path), database, systemEnv, mayReplace);
  if (options.json) terminal.out(plainJson({ database, kept }));
  else terminal.out(`${database} restored${kept === null ? '' : `; what was there is kept as ${kept}`}`);
  return 0;
}

async function refuseWhileRunning(terminal: Terminal, wanted: string): Promise<void> {
  const pids = (await runningInstances(terminal)).flatMap(({ name, pid }) => (name === wanted ? [pid] : []));
  if (pids.length === 0) return;
  const message = `"${wanted}" runs (pid ${pids.join(', ')}): end it first`;
  throw new SegueError('SYSTEM_NOT_READY', message, { data: { pids } });
}

async function startPicture(terminal: Terminal) {
  if (!terminal.live) return { update: () => {}, end: () => {} };
  const { logUpdateStderr } = await import('log-update');
  const from = systemEnv.monotonic();
  return {
    update(done: number) {
      if (systemEnv.monotonic() - from > SHOW_AFTER_MS) logUpdateStderr(`${Math.round(done * 100)} %`);
    },
    end: () => logUpdateStderr.clear(),
  };
}
