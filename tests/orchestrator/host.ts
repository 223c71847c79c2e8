/** A state directory for orchestrators, and orchestrators in processes of their own that live in it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { type ConfigInput, configSchema } from '../../src/config.ts';
import { systemEnv } from '../../src/env.ts';
import { silentLog } from '../../src/observe/log.ts';
import { createOrchestrator, type OrchestratorOptions } from '../../src/orchestrator/orchestrator.ts';
import * as schemas from '../../src/orchestrator/schemas.ts';
import type { Orchestrator, TaskChange } from '../../src/orchestrator/types.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { databaseFile } from '../../src/state/directory.ts';
import { killAll, processesWith } from '../support/processes.ts';
import { Journal } from '../support/wait.ts';

export interface HostOptions {
  directory: string;
  key: string;
  instance: string;
  generation: number;
  orchestrator: ConfigInput['orchestrator'];
  die?: 'before the spawn' | 'before its pid is recorded' | 'before its exit is recorded' | undefined;
}

export interface LogEntry {
  what: 'began' | 'overlap' | 'did';
  name: string;
  pid: number;
}

export interface Place {
  directory: string;
  key: string;
  /** What the commands of fixtures/step.mjs did. */
  log: string;
  done(): LogEntry[];
  /** A recipe whose command is fixtures/step.mjs. */
  recipe(idempotent: boolean, mode?: string, more?: object): { command: string[]; idempotent: boolean };
  start(options?: Partial<HostOptions>): Promise<Host>;
  sql<T>(use: (db: BetterSqlite3.Database) => T): T;
  /** Pids of commands that still run. */
  commands(): number[];
}

/** In the environment of every command. */
export const PLACE_MARK = 'TEST_PLACE';
const stepFile = fileURLToPath(new URL('fixtures/step.mjs', import.meta.url));
const hostFile = fileURLToPath(new URL('fixtures/host.ts', import.meta.url));

export function place(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'segue-tasks-'));
  chmodSync(directory, 0o700);
  const log = join(directory, 'log');
  writeFileSync(log, '');
  const key = randomBytes(32).toString('hex');
  const commands = () => processesWith(`${PLACE_MARK}=${directory}`);
  onTestFinished(() => {
    killAll(commands());
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    directory,
    key,
    log,
    done: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    recipe: (idempotent, mode = 'plain', more = {}) => ({
      command: [process.execPath, stepFile, log, mode],
      env: ['PATH', PLACE_MARK],
      idempotent,
      ...more,
    }),
    commands,
    start: (options = {}) =>
      startHost({ directory, key, instance: 'one', generation: 1, orchestrator: {}, ...options }),
    sql(use) {
      const db = new BetterSqlite3(databaseFile(directory));
      try {
        return use(db);
      } finally {
        db.close();
      }
    },
  };
}

type Inputs = {
  [Method in 'plan' | 'execute' | 'complete' | 'query' | 'status' | 'cancel' | 'synthesize']: object;
};
type Result<Method extends keyof Orchestrator> = Awaited<
  ReturnType<Extract<Orchestrator[Method], (...args: never[]) => unknown>>
>;

const INPUTS = {
  plan: schemas.planInput,
  execute: schemas.executeInput,
  complete: schemas.completeInput,
  query: schemas.queryInput,
  status: schemas.statusInput,
  cancel: schemas.cancelInput,
  synthesize: schemas.synthesizeInput,
};

export interface Host {
  pid: number;
  readonly changes: Journal<TaskChange>;
  /** A tool's input, parsed as the tool would. Rejects with {code, message} as an Error. */
  tool<Method extends keyof Inputs>(method: Method, input: Inputs[Method]): Promise<Result<Method>>;
  call<Method extends keyof Orchestrator>(method: Method, ...args: unknown[]): Promise<Result<Method>>;
  /** Resolves when a change says that the task is in one of these states, or it is already. */
  until(taskId: string, ...states: TaskChange['state'][]): Promise<TaskChange['state']>;
  /** Resolves at the next change, or when it is gone. */
  changed(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends its stdin; resolves when it is gone. */
  end(): Promise<void>;
  gone: Promise<unknown>;
}

async function startHost(options: HostOptions): Promise<Host> {
  const child = spawn(process.execPath, [hostFile, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  child.stdin.on('error', () => {}); // it was killed: the calls tell
  const changes = new Journal<TaskChange>();
  let next = Promise.withResolvers<void>();
  const changed = () => {
    next.resolve();
    next = Promise.withResolvers();
  };
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => {});
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  let count = 0;
  let dead: Error | null = null;
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if ('ready' in message) return ready.resolve();
    if ('change' in message) {
      changes.add(message.change);
      return changed();
    }
    const { id, result, error } = message;
    if (error) calls.get(id)!.reject(Object.assign(new Error(error.message), { code: error.code }));
    else calls.get(id)!.resolve(result);
  });
  lines.once('close', () => {
    dead = new Error('the orchestrator is gone');
    ready.reject(dead);
    for (const { reject } of calls.values()) reject(dead);
    changes.end(dead);
    changed();
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  onTestFinished(kill);
  const call: Host['call'] = (method, ...args) => {
    const pending = Promise.withResolvers<unknown>();
    pending.promise.catch(() => {}); // a test may not wait for it
    if (dead) pending.reject(dead);
    calls.set(++count, pending);
    child.stdin.write(`${JSON.stringify({ id: count, method, args })}\n`);
    return pending.promise as never;
  };
  await ready.promise;
  return {
    pid: child.pid!,
    changes,
    changed: () => (dead ? Promise.resolve() : next.promise),
    gone,
    kill,
    call,
    tool: (method, input) => call(method, INPUTS[method].parse(input)),
    async until(taskId, ...states) {
      const seen = changes.next((change) => change.taskId === taskId && states.includes(change.state));
      seen.catch(() => {}); // the state may be there already
      const { state } = await call('readTask', taskId);
      return states.includes(state) ? state : (await seen).state;
    },
    async end() {
      child.stdin.end();
      await gone;
    },
  };
}

/** An orchestrator in this process, closed at the end of the test. */
export async function open(
  { directory, key }: Place,
  config: ConfigInput['orchestrator'] = {},
  change: Partial<OrchestratorOptions> = {},
): Promise<Orchestrator> {
  const orchestrator = await createOrchestrator({
    env: systemEnv,
    log: silentLog,
    directory,
    seal: createSeal(Buffer.from(key, 'hex'), systemEnv),
    instance: 'here',
    generation: 1,
    settings: {
      ...configSchema.parse({ orchestrator: config }).orchestrator,
      cwd: directory,
      environment: { ...process.env, [PLACE_MARK]: directory },
      lookEveryMs: 50,
    },
    onReplaced() {},
    ...change,
  });
  onTestFinished(() => orchestrator.close());
  return orchestrator;
}

/** Resolves when the task is in one of these states. */
export function reaches(
  orchestrator: Orchestrator,
  taskId: string,
  ...states: TaskChange['state'][]
): Promise<TaskChange['state']> {
  return new Promise((resolve, reject) => {
    const check = (state: TaskChange['state']) => {
      if (!states.includes(state)) return;
      stop();
      resolve(state);
    };
    const stop = orchestrator.onChange((change) => {
      if (change.taskId === taskId) check(change.state);
    });
    orchestrator.readTask(taskId).then(({ state }) => check(state), reject);
  });
}
