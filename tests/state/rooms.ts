/** A state home of its own for a test, stores in it, and fixture programs that live in it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import BetterSqlite3 from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { type Env, systemEnv } from '../../src/env.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { keySource } from '../../src/serializer/key.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { createStore, type Store, type StoreOptions } from '../../src/state/store.ts';

export { listeningLog } from './log.ts';

export const NAME = 'echo';

export interface Room {
  home: string;
  environment: Record<string, string>;
  /** Of NAME. */
  file: string;
  store(options?: Partial<StoreOptions>): Store;
}

export function room(): Room {
  const home = mkdtempSync(join(tmpdir(), 'segue-state-'));
  const environment = { XDG_STATE_HOME: home, HOME: home };
  const directory = stateDirectory(NAME, environment);
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return {
    home,
    environment,
    file: databaseFile(directory),
    store(options = {}) {
      const store = createStore({
        env: systemEnv,
        log: silentLog,
        feed: new Feed(),
        name: NAME,
        instance: systemEnv.uuid(),
        command: ['node', 'echo.mjs'],
        cwd: '/srv',
        version: '0.1.0',
        directory,
        keySource: keySource(environment),
        persist: true,
        socketPath: '/run/segue/0.sock',
        ...options,
      });
      onTestFinished(() => store.close('test'));
      return store;
    },
  };
}

/** Looks at the file, or changes it, behind the store's back. */
export function raw<T>(file: string, use: (db: BetterSqlite3.Database) => T): T {
  const db = new BetterSqlite3(file);
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** An Env whose waits take no time: its monotonic clock jumps to the end of each. */
export function hastyEnv(): Env & { skip(ms: number): void } {
  let skippedMs = 0;
  return {
    ...systemEnv,
    monotonic: () => systemEnv.monotonic() + skippedMs,
    skip: (ms) => {
      skippedMs += ms;
    },
    timer(ms, fn) {
      const handle = setImmediate(() => {
        skippedMs += ms;
        fn();
      });
      return () => clearImmediate(handle);
    },
  };
}

export interface Program {
  child: ChildProcess;
  pid: number;
  /** The next line of its stdout, parsed. Rejects when it ends first. */
  next(): Promise<Record<string, unknown>>;
  say(line: string): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Runs a fixture with node; it says JSON lines on stdout. Killed at the end of the test. */
export function program(file: URL, args: unknown, environment: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, [file.pathname, JSON.stringify(args)], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const exit = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exit;
  };
  onTestFinished(kill);
  return {
    child,
    pid: child.pid!,
    async next() {
      const line = await lines.next();
      if (line.done) throw new Error(`${file.pathname} ended`);
      return JSON.parse(line.value);
    },
    say: (line) => void child.stdin!.write(`${line}\n`),
    kill,
  };
}
