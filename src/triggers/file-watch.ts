/** Watches the files that globs name. A folder that is made later is seen too, if the one above its fixed part exists. */
import { existsSync } from 'node:fs';
import { dirname, matchesGlob, normalize, relative, resolve, sep } from 'node:path';
import { watch } from 'chokidar';
import type { Log } from '../observe/log.ts';

const LEFT_OUT = ['node_modules', '.git'];
const MAGIC = /[*?[\]{}]|[!+@]\(/;

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
  const patterns = globs.map((glob) => patternOf(glob, base));
  const matches = (path: string) => patterns.some((pattern) => isMatch(path, pattern));
  const leftOut = LEFT_OUT.filter((name) => !globs.some((glob) => normalize(glob).split(sep).includes(name)));
  const isLeftOut = (path: string) =>
    leftOut.some((name) => path.endsWith(`${sep}${name}`)) && !patterns.some(({ root }) => isIn(root, path));
  const watcher = watch(
    patterns.map(({ root }) => existing(root)),
    {
      alwaysStat: true,
      ignored: (path, stats) =>
        isLeftOut(path) ||
        (stats?.isFile() === true && !matches(path)) ||
        (stats?.isDirectory() === true && !patterns.some((pattern) => mayLeadTo(path, pattern))),
    },
  );
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
  log.info({ globs, base }, 'files are watched');
  return { close: () => watcher.close() };
}

interface Pattern {
  /** The folder above all that it may name, as it is called: brackets in the name of a folder are no glob. */
  root: string;
  /** What is matched below it; none where it is a plain file. */
  glob: string | null;
  /** A file that is called just so: `[id].ts`. */
  file: string;
}

function patternOf(glob: string, base: string): Pattern {
  const parts = normalize(glob).split(sep);
  const magic = parts.findIndex((part) => MAGIC.test(part));
  const file = resolve(base, glob);
  if (magic < 0) return { root: dirname(file), glob: null, file };
  const fixed = parts.slice(0, magic).map((part) => `${part}${sep}`); // the first of an absolute one is empty
  return { root: resolve(base, fixed.join('')), glob: parts.slice(magic).join(sep), file };
}

function isMatch(path: string, { root, glob, file }: Pattern): boolean {
  return path === file || (glob !== null && isIn(path, root) && matchesGlob(relative(root, path), glob));
}

/** The folder lies above all that the pattern names, or below where the pattern goes on. */
function mayLeadTo(folder: string, { root, glob }: Pattern): boolean {
  return isIn(root, folder) || (glob !== null && isIn(folder, root));
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** The folder, or the nearest above it that exists. */
function existing(folder: string): string {
  let root = folder;
  while (!existsSync(root)) root = dirname(root);
  return root;
}
