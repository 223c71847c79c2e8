/**
 * What was compiled once is not compiled again at the next start. It is kept where nobody else can write, for whoever
 * could would run code here; Node's own default lies in the temp directory that all users share.
 */
import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Environment } from './terminal.ts';

/** By then all is loaded; a client may end us by SIGKILL, so the end is not waited for. */
const FLUSH_MS = 5_000;

/** A directory that cannot be had costs the time to compile, and nothing else. */
export function cacheCompiled(environment: Environment): void {
  const {
    XDG_CACHE_HOME: given,
    HOME,
    NODE_COMPILE_CACHE: chosen,
    NODE_DISABLE_COMPILE_CACHE: none,
  } = environment;
  if (chosen || none) return; // Node has heard it
  const base = given && isAbsolute(given) ? given : join(HOME || homedir(), '.cache');
  const directory = join(base, 'segue');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!isPrivate(directory)) return;
    enableCompileCache(directory);
    setTimeout(flushCompileCache, FLUSH_MS).unref();
  } catch {
    // a home that is read-only, or none
  }
}

function isPrivate(directory: string): boolean {
  const found = lstatSync(directory);
  const uid = process.getuid?.();
  return found.isDirectory() && (uid === undefined || (found.uid === uid && (found.mode & 0o022) === 0));
}
