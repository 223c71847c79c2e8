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

/** `globs` are relative to `base`; `onChange` gets an absolute path. Resolves when each change is seen. */
export async function watchFiles(
  globs: readonly string[],
  base: string,
  log: Log,
  onChange: (path: string) => void,
): Promise<FileWatch> {
  const patterns = globs.map((glob) => resolve(base, glob));
  const matches = (path: string) =>
    patterns.some((pattern) => pattern === path || matchesGlob(path, pattern));
  const leftOut = LEFT_OUT.filter((name) => !patterns.some((pattern) => pattern.split(sep).includes(name)));
  const watcher = watch(patterns.map(rootOf), {
    ignoreInitial: true,
    ignored: (path, stats) =>
      leftOut.some((name) => path.endsWith(`${sep}${name}`)) || (stats?.isFile() === true && !matches(path)),
  });
  for (const event of ['add', 'change', 'unlink'] as const)
    watcher.on(event, (path) => {
      if (matches(path)) onChange(path);
    });
  watcher.on('error', (err) => log.error({ err }, 'files cannot be watched: their changes may be missed'));
  await new Promise<void>((ready) => watcher.once('ready', () => ready()));
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
