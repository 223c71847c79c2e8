/**
 * Windows has no process groups and no signals: `taskkill` walks the tree of children instead. This branch follows the
 * platform's documentation; Segue's tests run on Linux and do not execute it.
 *
 * Limits: children of a dead parent are not found by the walk, so nothing is swept after the worker's own exit. A `.cmd`
 * or `.bat` file needs a shell, and Segue uses none: name the program behind it (`node path/to/cli.js`).
 */
import type { Env } from '../env.ts';
import type { ProcessGroup } from './group.ts';

export const onWindows = process.platform === 'win32';

/** The worker's process tree: first asked (`/T`), then forced (`/T /F`). */
export function processTree(env: Env, pid: number): ProcessGroup {
  return {
    send(signal) {
      const force = signal === 'SIGKILL' ? ['/F'] : [];
      const taskkill = env.spawn('taskkill', ['/PID', String(pid), '/T', ...force], {
        stdio: 'ignore',
        windowsHide: true,
      });
      // It fails when the tree has just ended, or has no window to ask: the exit and the next deadline tell.
      taskkill.on('error', () => {});
      taskkill.unref();
      return true;
    },
    sweep() {},
  };
}
