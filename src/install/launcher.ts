/** What a client is to start as Segue: it has to be there as long as the client's configuration says so. */
import { realpathSync } from 'node:fs';
import { SegueError } from '../errors.ts';
import type { Scope } from './clients.ts';

export interface Launcher {
  command: string;
  /** Before Segue's own arguments. */
  args: readonly string[];
}

/** Folders that npx, pnpm dlx, yarn dlx and bunx empty when they like. */
const PASSING = /[\\/](_npx|dlx(-[^\\/]*)?|xfs-[^\\/]*|bunx-[^\\/]*)[\\/]/;

/**
 * In the user's own file this Node and this script, by their full paths: a client that is started by a mouse click has
 * hardly a PATH. A project's file is shared: there it is the `segue` of whoever reads it.
 * @param script what runs now: `process.argv[1]`
 * @throws SegueError INVALID_PARAMETERS where it runs from a cache
 */
export function launcherOf(scope: Scope, node: string, script: string): Launcher {
  if (scope === 'project') return { command: 'segue', args: [] };
  const file = realpathSync(script);
  if (PASSING.test(file))
    throw new SegueError(
      'INVALID_PARAMETERS',
      `${file} lies in a cache that will be emptied: run npm install --global mcp-segue, then segue install again`,
    );
  return { command: lastingNode(node), args: [file] };
}

/** Homebrew's folder of one version goes with the next one; its link to the present one stays. */
function lastingNode(node: string): string {
  return node.replace(/\/Cellar\/([^/]+)\/[^/]+\//, '/opt/$1/');
}
