/** Watches the files that globs name. A folder that is made later is seen too, if the one above its fixed part exists. */
import { existsSync } from 'node:fs';
import { dirname, matchesGlob, resolve, sep } from 'node:path';
import { watch } from 'chokidar';
import type { Log } from '../observe/log.ts';

const LEFT_OUT = ['node_modules', '.git'];
const MAGIC = /[*?[\]{}()!+@]/;

export interface FileWatch {
  close(): Promise<void>;
}

export interface FileWatchOptions {
  globs: readonly string[];
  /** What they are relative to. */
  base: string;
  /** On the wall clock: what was written later counts, also if it was written before the watch was ready. */
  since: number;
  log: Log;
  /** Gets an absolute path. */
  onChange: (path: string) => void;
}

/** Resolves when it is ready. */
export async function watchFiles(options: FileWatchOptions): Promise<FileWatch> {
  const { globs, base, since, log, onChange } = options;
  const patterns = globs.map((glob) => resolve(base, glob));
  const matches = (path: string) =>
    patterns.some((pattern) => pattern === path || matchesGlob(path, pattern));
  const leftOut = LEFT_OUT.filter((name) => !patterns.some((pattern) => pattern.split(sep).includes(name)));
  const watcher = watch(patterns.map(rootOf), {
    alwaysStat: true,
    ignored: (path, stats) =>
      leftOut.some((name) => path.endsWith(`${sep}${name}`)) || (stats?.isFile() === true && !matches(path)),
  });
  let ready = false;
  const changed = (path: string) => {
    if (matches(path)) onChange(path);
  };
  watcher.on('add', (path, stats) => {
    if (ready || (stats && stats.mtimeMs >= since)) changed(path);
  });
  watcher.on('change', changed).on('unlink', changed);
  watcher.on('error', (err) => log.error({ err }, 'files cannot be watched: their changes may be missed'));
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  ready = true;
  log.info({ globs: patterns }, 'files are watched');
  return { close: () => watcher.close() };
}

/** The deepest folder that exists above all that a pattern may name; a plain file is watched in its folder. */
function rootOf(pattern: string): string {
  const parts = pattern.split(sep);
  const magic = parts.findIndex((part) => MAGIC.test(part));
  let root = magic < 0 ? dirname(pattern) : parts.slice(0, magic).join(sep) || sep;
  while (!existsSync(root)) root = dirname(root);
  return root;
}
