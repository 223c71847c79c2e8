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
      leftOut.some((name) => path.endsWith(`${sep}${name}`)) ||
      (stats?.isFile() === true && !matches(path)) ||
      (stats?.isDirectory() === true && !patterns.some((pattern) => mayLeadTo(path, pattern))),
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

/** The folder lies above the fixed part of the pattern, or below it where the pattern goes on. */
function mayLeadTo(folder: string, pattern: string): boolean {
  const fixed = fixedPart(pattern);
  return isIn(fixed, folder) || (MAGIC.test(pattern) && isIn(folder, fixed));
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** The folder above all that a pattern may name. */
function fixedPart(pattern: string): string {
  const parts = pattern.split(sep);
  const magic = parts.findIndex((part) => MAGIC.test(part));
  return magic < 0 ? dirname(pattern) : parts.slice(0, magic).join(sep) || sep;
}

/** The deepest part of that which exists; a plain file is watched in its folder. */
function rootOf(pattern: string): string {
  let root = fixedPart(pattern);
  while (!existsSync(root)) root = dirname(root);
  return root;
}
