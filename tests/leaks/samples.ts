/** What a process of Segue holds: sampled from outside (/proc, its files) and from inside (fixtures/insight.ts). */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { waitForFile } from '../support/wait.ts';

export interface Sample {
  /** How much was done before it: reboots, sessions, … */
  done: number;
  /** JavaScript objects, after a garbage collection. */
  heapBytes: number;
  /** Memory behind buffers, after the same. */
  externalBytes: number;
  rssBytes: number;
  /** What keeps the event loop alive, by kind: timers, pipes, sockets, child processes. */
  resources: Record<string, number>;
  /** On `process`. */
  listeners: number;
  /** Pipes, sockets and files; not those that a thread has for its own event loop. */
  fds: number;
  /**
   * Of databases. SQLite keeps one that was closed for the next that is opened, as long as the process has a lock on
   * the file: a few more are none lost.
   */
  databaseFds: number;
  /** Processes whose parent it is, zombies as well. */
  children: number;
  /** All files of the state directory. */
  diskBytes: number;
}

export type Figure = Exclude<keyof Sample, 'resources'>;

export interface Watched {
  pid: number;
  home: string;
}

const INSIGHT = join(import.meta.dirname, 'fixtures/insight.ts');

/**
 * The environment that a watched Segue is started with. With one arena the allocator holds about what is in use; with
 * one for each of the threads that come and go, its remains hide a leak, or look like one.
 */
export function insightEnv(home: string): Record<string, string> {
  const options = `--expose-gc --import ${INSIGHT}`;
  return { INSIGHT: join(home, 'insight'), NODE_OPTIONS: options, MALLOC_ARENA_MAX: '1' };
}

export async function sample({ pid, home }: Watched, done: number): Promise<Sample> {
  const file = join(home, 'insight');
  const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : ['']);
  const before = lines().length;
  process.kill(pid, 'SIGUSR2');
  await waitForFile(file, (text) => text.split('\n').length > before);
  return {
    done,
    ...JSON.parse(lines().at(-2)!),
    ...descriptorsOf(pid),
    children: childrenOf(pid),
    diskBytes: bytesBelow(join(home, 'state')),
  };
}

/** Does `step` so many times, one after the other; samples after one more, which comes first, and after every so many. */
export async function sampled(
  watched: Watched,
  times: number,
  every: number,
  step: (n: number) => Promise<void>,
): Promise<Sample[]> {
  await step(0);
  const samples = [await sample(watched, 0)];
  for (let n = 1; n <= times; n++) {
    await step(n);
    if (n % every === 0) samples.push(await sample(watched, n));
  }
  return samples;
}

/** The least-squares slope of a figure over `done`, over the second half of the samples: what one more costs. */
export function slope(samples: readonly Sample[], figure: Figure): number {
  const late = samples.slice(Math.floor(samples.length / 2));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(late.map(({ done }) => done));
  const y = mean(late.map((each) => each[figure]));
  const covariance = late.map((each) => (each.done - x) * (each[figure] - y));
  return mean(covariance) / mean(late.map(({ done }) => (done - x) ** 2));
}

function descriptorsOf(pid: number): { fds: number; databaseFds: number } {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return 'anon_inode:gone'; // closed in between
    }
  });
  const databases = targets.filter((target) => /\.db(-wal|-shm)?$/.test(target));
  const others = targets.filter((target) => !target.startsWith('anon_inode:'));
  return { fds: others.length - databases.length, databaseFds: databases.length };
}

function childrenOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean))
    .reduce((sum, pids) => sum + pids.length, 0);
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
