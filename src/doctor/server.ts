/**
 * The command itself, tried as a client would start it: does it exist, does it answer the handshake in time, and is
 * all that it writes to stdout a message. The classic fault is a console.log: one such line, and strict clients leave.
 */
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { VERSION } from '../version.ts';
import { LineSplitter } from '../wire/lines.ts';
import { workerEnvironment, workerMarker } from '../worker/environment.ts';
import { spawnWorker, type WorkerProcess } from '../worker/process.ts';
import { type Examine, type Finding, failure, messageOf, ok, type Surroundings, warning } from './check.ts';

const STDERR_BYTES = 4 * 1024;
/** Of a line that is no message. */
const SHOWN = 120;

interface Answer {
  result?: { serverInfo?: { name?: unknown; version?: unknown }; tools?: unknown[] };
  error?: { message?: unknown };
}

export const server: Examine = async (surroundings, config) => {
  if (config?.command === undefined) return [ok('command', 'none: the task orchestrator is built in')];
  const worker = await start(surroundings, config, config.command).catch((error: unknown) => error);
  const [file] = config.command;
  if (!isWorker(worker)) return [failure('command', messageOf(worker), 'correct the command, or its --cwd')];
  const command = ok('command', `${file} starts`);
  if (config.upstream !== undefined) {
    await worker.stop({ soft: false });
    return [command, ok('handshake', `not tried: it is to serve at ${config.upstream}`)];
  }
  const talk = new Talk(worker);
  const handshake = await shakeHands(talk, surroundings.env, config);
  const end = await ending(worker, config, surroundings.env); // what it writes then counts, too
  return [command, handshake, talk.finding(), ...end];
};

function isWorker(value: unknown): value is WorkerProcess {
  return typeof value === 'object' && value !== null && 'pid' in value;
}

function start({ env, environment, cwd }: Surroundings, config: Config, argv: readonly string[]) {
  const [file, ...args] = argv;
  return spawnWorker(env, {
    command: { file: file!, args, cwd: config.cwd ?? cwd },
    generation: 0,
    environment: workerEnvironment(config.environment, { ...environment }, workerMarker(env.uuid(), 0)),
    stderrBytes: STDERR_BYTES,
  });
}

async function shakeHands(talk: Talk, env: Env, { timing }: Config): Promise<Finding> {
  const from = env.monotonic();
  const late = Promise.withResolvers<'late'>();
  const cancel = env.timer(timing.startMs, () => late.resolve('late'));
  const answer = (async () => {
    const first = await talk.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'segue-doctor', version: VERSION },
    });
    const ms = Math.round(env.monotonic() - from);
    talk.tell('notifications/initialized');
    const tools = first !== 'exit' && first.result ? await talk.ask('tools/list', {}) : null;
    return { first, ms, tools };
  })();
  const seen = await Promise.race([answer, late.promise]).finally(cancel);
  if (seen === 'late')
    return failure(
      'handshake',
      `no answer within ${timing.startMs} ms`,
      'raise timing.startMs, or find what it waits for',
    );
  const { first, ms, tools } = seen;
  if (first === 'exit')
    return failure('handshake', talk.exitText(), 'run the command by itself, and read its stderr');
  if (first.error)
    return warning(
      'handshake',
      `it refuses initialize: ${String(first.error.message)}`,
      'is it for newer clients only?',
    );
  if (tools === 'exit')
    return failure('handshake', `after initialize: ${talk.exitText()}`, 'read its stderr');
  const { name, version } = first.result?.serverInfo ?? {};
  const count = tools?.result?.tools?.length;
  const offers = count === undefined ? 'no list of tools' : `${count} tools`;
  return ok('handshake', `${String(name)} ${String(version)} answers in ${ms} ms, ${offers}`);
}

/** One that does not end when its stdin ends makes each restart slower. */
async function ending(worker: WorkerProcess, { timing }: Config, env: Env): Promise<Finding[]> {
  if (worker.exit !== null) return [];
  const from = env.monotonic();
  await worker.stop({ soft: true, stdinEndMs: timing.stdinEndMs, termMs: timing.termMs });
  const ms = env.monotonic() - from;
  if (ms < timing.stdinEndMs) return [ok('end', `it ends in ${Math.round(ms)} ms when its stdin ends`)];
  const detail = `it does not end within ${timing.stdinEndMs} ms when its stdin ends`;
  return [warning('end', detail, 'end it then; else each restart waits that long for it')];
}

/** Requests by their id, and what of stdout was no message. */
class Talk {
  readonly #worker: WorkerProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #wrong: string[] = [];
  #lines = 0;
  #lastId = 0;

  constructor(worker: WorkerProcess) {
    this.#worker = worker;
    const lines = new LineSplitter(16 * 1024 * 1024, { onLine: (line) => this.#read(line.toString('utf8')) });
    worker.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
  }

  ask(method: string, params: object): Promise<Answer | 'exit'> {
    const id = ++this.#lastId;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#write({ id, method, params });
    return Promise.race([answer, this.#worker.exited.then(() => 'exit' as const)]);
  }

  tell(method: string): void {
    this.#write({ method });
  }

  exitText(): string {
    const { exit } = this.#worker;
    const tail = this.#worker.stderrTail().trim().split('\n').at(-1) ?? '';
    const how = exit?.signal ?? `code ${exit?.code}`;
    return `it ended with ${how}${tail === '' ? '' : `: ${tail}`}`;
  }

  finding(): Finding {
    const [first] = this.#wrong;
    if (first === undefined) return ok('stdout', `nothing but messages (${this.#lines})`);
    const more = this.#wrong.length === 1 ? '' : `, and ${this.#wrong.length - 1} more`;
    return failure(
      'stdout',
      `${first}${more}`,
      'stdout belongs to the protocol: write logs to stderr (console.error, logging to stderr)',
    );
  }

  #write(message: object): void {
    this.#worker.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  #read(line: string): void {
    this.#lines += 1;
    const message = parsed(line);
    if (message === null) {
      const text = line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
      this.#wrong.push(`line ${this.#lines} is no message: ${text}`);
      return;
    }
    const { id, method } = message;
    if (method !== undefined || typeof id !== 'number') return;
    this.#waiting.get(id)?.(message as Answer);
    this.#waiting.delete(id);
  }
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null && 'jsonrpc' in message ? { ...message } : null;
  } catch {
    return null;
  }
}
