/** The other end of the admin socket: what the `segue` commands use. */
import { connect, type Socket } from 'node:net';
import { systemEnv } from '../env.ts';
import { isErrorCode, SegueError } from '../errors.ts';
import type { Happening, Onlooker } from '../observe/feed.ts';
import type { Overview } from '../observe/overview.ts';
import { LineSplitter } from '../wire/lines.ts';
import type {
  HealthReport,
  PrepareReport,
  ReconnectTestReport,
  RestartReport,
  StatusReport,
} from './schemas.ts';
import type { InstanceInfo } from './types.ts';

/** Histories are longer than requests. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** For what is answered at once, even in the middle of a reboot: an instance that hangs must not hang its onlookers. */
const ANSWER_MS = 10_000;
const AT_ONCE: readonly string[] = [
  'history',
  'info',
  'logs',
  'overview',
  'report',
  'status',
] satisfies (keyof AdminResults)[];

/** What each method answers. */
export interface AdminResults {
  restart: RestartReport;
  abort: { aborted: true; reboot_id: string };
  reset: RestartReport;
  approve: { approved: string[] };
  health: HealthReport;
  prepare: PrepareReport;
  reconnect_test: ReconnectTestReport;
  status: StatusReport;
  history: RestartReport[];
  report: RestartReport | null;
  info: InstanceInfo;
  overview: Overview;
  logs: string[];
  watch: never;
}

export type OnProgress = (status: StatusReport['current_status']) => void;

export interface AdminClient {
  /**
   * @throws SegueError with the code of the instance; SYSTEM_NOT_READY when the connection ends before the answer,
   * TIMEOUT_EXCEEDED when what is answered at once is not.
   */
  request<M extends keyof AdminResults>(
    method: M,
    params?: object,
    onProgress?: OnProgress,
  ): Promise<AdminResults[M]>;
  /** Calls `onlooker` with what happens from now on, till the connection ends: then it rejects. `kinds`: those alone. */
  watch(onlooker: Onlooker, kinds?: readonly Happening['kind'][]): Promise<never>;
  /** Stops all waiting; what was asked for goes on. */
  close(): void;
}

/** @throws SegueError SYSTEM_NOT_READY when nobody listens there, NOT_AUTHORIZED when the socket is another user's. */
export async function connectAdmin(path: string, answerMs = ANSWER_MS): Promise<AdminClient> {
  const socket = await open(path);
  return new SocketClient(socket, answerMs);
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
      const error = denied
        ? new SegueError('NOT_AUTHORIZED', 'the instance belongs to another user', { cause })
        : new SegueError(
            'SYSTEM_NOT_READY',
            `the instance does not answer on its admin socket (${cause.code})`,
            {
              cause,
            },
          );
      reject(error);
    });
  });
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: SegueError): void;
  onProgress: OnProgress | undefined;
}

interface Answer {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string; data?: Record<string, unknown> };
}

class SocketClient implements AdminClient {
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #onlooker: Onlooker = () => {};

  constructor(socket: Socket, answerMs: number) {
    this.#socket = socket;
    this.#answerMs = answerMs;
    const lines = new LineSplitter(MAX_ANSWER_BYTES, {
      onLine: (line) => this.#receive(JSON.parse(line.toString('utf8')) as Answer),
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    socket.on('error', () => {}); // `close` follows, and rejects who waits
    socket.on('close', () => this.#rejectAll());
  }

  request<M extends keyof AdminResults>(method: M, params: object = {}, onProgress?: OnProgress) {
    const id = ++this.#lastId;
    let cancel = () => {};
    const answer = new Promise<AdminResults[M]>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(connectionEnded());
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onProgress });
      this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
      if (!AT_ONCE.includes(method)) return;
      cancel = systemEnv.timer(this.#answerMs, () => {
        this.#waiting.delete(id);
        reject(noAnswer(this.#answerMs));
      });
    });
    return answer.finally(() => cancel());
  }

  watch(onlooker: Onlooker, kinds?: readonly Happening['kind'][]): Promise<never> {
    this.#onlooker = onlooker;
    return this.request('watch', kinds ? { kinds } : {});
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(answer: Answer): void {
    if (answer.method === 'progress') {
      const status = answer.params as StatusReport['current_status'];
      for (const { onProgress } of this.#waiting.values()) onProgress?.(status);
      return;
    }
    if (answer.method === 'happening') return this.#onlooker(answer.params as Happening);
    const waiting = this.#waiting.get(answer.id ?? -1);
    if (!waiting) return;
    this.#waiting.delete(answer.id!);
    if (answer.error) waiting.reject(toSegueError(answer.error));
    else waiting.resolve(answer.result);
  }

  #rejectAll(): void {
    for (const { reject } of this.#waiting.values()) reject(connectionEnded());
    this.#waiting.clear();
  }
}

function toSegueError({ message, data = {} }: NonNullable<Answer['error']>): SegueError {
  const { code, retryable: _, retry_after_s, ...facts } = data;
  return new SegueError(isErrorCode(code) ? code : 'INVALID_PARAMETERS', message, {
    data: facts,
    ...(typeof retry_after_s === 'number' ? { retryAfterS: retry_after_s } : {}),
  });
}

function noAnswer(afterMs: number): SegueError {
  const message = `the instance has not answered within ${afterMs / 1000} s: it hangs, or was stopped`;
  return new SegueError('TIMEOUT_EXCEEDED', message);
}

function connectionEnded(): SegueError {
  return new SegueError('SYSTEM_NOT_READY', 'the instance closed the connection before it answered');
}
