/**
 * Named points in a running Segue: before and after each commit and each effect. They are put around its doors from
 * outside, the store, the journal of HTTP clients and `systemEnv`, so that the product holds nothing of them.
 *
 * `before transition alive.idle`, `after report`, `before journal accept`, `before spawn`, `after kill SIGKILL`: "after" a commit is before anything
 * that waits for it has begun.
 */
import { systemEnv } from '../../src/env.ts';
import { RowJournal } from '../../src/front/http/row-journal.ts';
import { Store } from '../../src/state/store.ts';

/** What is committed for itself, or with what else comes in the same turn of the loop. */
const COMMITS = [
  'transition',
  'report',
  'workerStarted',
  'workerExited',
  'session',
  'saveSnapshot',
  'audit',
] as const;

/** Of the journal: each is through when it returns. */
const ENTRIES = ['saveSession', 'accept', 'sent', 'event', 'forget'] as const;

type Commit = (row: unknown, ...more: unknown[]) => Promise<unknown>;

/** `onPoint` is called at each of them, and may end the process. */
export function watchPoints(onPoint: (name: string) => void): void {
  const store = Store.prototype as unknown as Record<(typeof COMMITS)[number], Commit>;
  for (const commit of COMMITS) {
    const write = store[commit];
    store[commit] = function (row, ...more) {
      const name = commit === 'transition' ? `transition ${(row as { to: string }).to}` : commit;
      onPoint(`before ${name}`);
      return write.call(this, row, ...more).then((result) => {
        onPoint(`after ${name}`);
        return result;
      });
    };
  }
  const journal = RowJournal.prototype as unknown as Record<
    (typeof ENTRIES)[number],
    (...args: unknown[]) => void
  >;
  for (const entry of ENTRIES) {
    const write = journal[entry];
    journal[entry] = function (...args) {
      onPoint(`before journal ${entry}`);
      write.apply(this, args);
      onPoint(`after journal ${entry}`);
    };
  }
  const { spawn, kill } = systemEnv;
  systemEnv.spawn = (file, args, options) => {
    onPoint('before spawn');
    const child = spawn(file, args, options);
    onPoint('after spawn');
    return child;
  };
  systemEnv.kill = (pid, signal) => {
    if (signal === 0) return kill(pid, signal);
    onPoint(`before kill ${signal}`);
    const reached = kill(pid, signal);
    onPoint(`after kill ${signal}`);
    return reached;
  };
}
