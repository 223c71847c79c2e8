/** Segue as a child of the run (outside of vitest): its log is watched, and all that it leaves behind is killed. */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { ConfigInput } from '../../src/config.ts';
import { segueLaunch, upstreamServer, worker } from '../support/launch.ts';
import { readLines } from '../support/raw-client.ts';
import type { Trouble } from './launcher.ts';

const KEPT_LINES = 300;

/** Faults come faster than in life: the breaker and the rate limits are not what is tried here. */
const SETTINGS = {
  'timing.crashLimit': 1000,
  'timing.backoffBaseMs': 20,
  'timing.drainMs': 2000,
  'timing.probeEveryMs': 1000,
  'timing.probeMs': 1000,
  'timing.probeBusyMs': 2000,
  'limits.restartsPerMinute': 100_000,
  'http.anonymous': 'operator',
  'http.limits.requestsPerMinute': 10_000_000,
};

/** What this process writes behind the first 64 KiB of a file fails, as on a full disk (RLIMIT_FSIZE). */
const LIMITED = ['/bin/sh', '-c', 'ulimit -S -f 128; exec "$@"', 'sh'];
/** Its servers inherit that, but their record of executions must not end. */
const UNLIMITED = ['/bin/sh', '-c', 'ulimit -S -f unlimited; exec "$@"', 'sh'];

/** Below the hard limit of any system. */
const MANY_FILES = 1024;

export interface SegueStart {
  home: string;
  execLog: string;
  args: readonly string[];
  /** Arguments of its server (tests/fixtures/workers/chaos.mjs); without it, it is the orchestrator. */
  server?: readonly string[];
  config?: ConfigInput;
  /** Its server speaks HTTP, at this port. */
  upstreamPort?: number;
  fullDisk?: boolean;
}

export class Segue {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly exited: Promise<unknown>;
  /** The last lines of its log, for a person. */
  readonly log: string[] = [];
  readonly #waiting: { part: string; resolve: (line: string) => void; reject: (error: Error) => void }[] = [];

  /** The server that was started last. */
  server: number | undefined;
  /** Its disk was full: it has said that its HTTP sessions end with it. */
  sessionsEnd = false;

  readonly #troubleFile: string;
  #over = false;
  #trouble: Trouble = {};
  #troubling: Promise<void> = Promise.resolve();

  constructor({ home, execLog, args, server, config, upstreamPort, fullDisk = false }: SegueStart) {
    this.#troubleFile = join(home, 'trouble');
    const serving = upstreamPort === undefined ? worker('chaos', ...(server ?? [])) : upstreamServer('chaos');
    const upstream = upstreamPort === undefined ? [] : ['--upstream', `http://127.0.0.1:${upstreamPort}/mcp`];
    const set = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const launch = segueLaunch({
      home,
      main: 'tests/chaos/launcher.ts',
      args: [...args, ...upstream, '--log-level', 'debug', ...set],
      env: { EXEC_LOG: execLog, TROUBLE: this.#troubleFile, PORT: String(upstreamPort ?? '') },
      ...(server && { command: [...UNLIMITED, ...serving] }),
      ...(config && { config }),
    });
    const { command, args: argv, env, cwd } = launch;
    const [file, ...words] = [...(fullDisk ? LIMITED : []), command, ...argv];
    this.#child = spawn(file!, words, { env, cwd, stdio: 'pipe' });
    this.#child.stdin.on('error', () => {}); // its exit says it
    this.exited = once(this.#child, 'exit');
    readLines(this.#child.stderr, (line) => this.#logged(line.toString()));
    this.#child.stderr.on('close', () => {
      this.#over = true;
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended());
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  get stdout(): Readable {
    return this.#child.stdout;
  }

  /** The next line of the log with this in it; rejects when the log ends before. */
  logged(part: string): Promise<string> {
    if (this.#over) return Promise.reject(this.#ended());
    return new Promise((resolve, reject) => this.#waiting.push({ part, resolve, reject }));
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Changes what of it is troubled; resolves when that holds, rejects when it ends before. */
  async trouble(change: Trouble): Promise<void> {
    this.#trouble = { ...this.#trouble, ...change };
    // One after the other: two signals at once are one.
    this.#troubling = this.#troubling.then(async () => {
      writeFileSync(this.#troubleFile, JSON.stringify(this.#trouble));
      const held = this.logged('{"trouble"');
      this.#child.kill('SIGUSR2');
      await held;
    });
    await this.#troubling;
  }

  /** Whether it may open files, pipes and sockets beyond those that it has. */
  async mayOpen(more: boolean): Promise<void> {
    const open = readdirSync(`/proc/${this.pid}/fd`).map(Number);
    const limit = more ? MANY_FILES : Math.max(...open) + 1;
    await promisify(execFile)('prlimit', ['--pid', String(this.pid), `--nofile=${limit}:`]);
  }

  /** As its client's leaving ends it. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    this.#child.kill('SIGTERM');
    await this.exited;
  }

  #ended(): Error {
    return new Error(`Segue has ended:\n${this.log.slice(-20).join('\n')}`);
  }

  #logged(line: string): void {
    this.log.push(line);
    if (this.log.length > 2 * KEPT_LINES) this.log.splice(0, KEPT_LINES);
    if (line.includes('"msg":"server started"')) this.server = (JSON.parse(line) as { pid: number }).pid;
    if (line.includes('sessions end with this process')) this.sessionsEnd = true;
    const found = this.#waiting.findIndex(({ part }) => line.includes(part));
    if (found >= 0) this.#waiting.splice(found, 1)[0]!.resolve(line);
  }
}
