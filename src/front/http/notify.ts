/**
 * What systemd is told of the service (sd_notify(3)), so that it knows when it is ready and restarts it when its event
 * loop hangs (F17). Node has no datagram sockets of the unix kind: `systemd-notify` speaks for us, which needs
 * `NotifyAccess=all` in the unit.
 */
import type { Env } from '../../env.ts';
import type { Log } from '../../observe/log.ts';

const PROGRAM = 'systemd-notify';
/** One that does not end by then is killed, so that they do not pile up. */
const SEND_MS = 5_000;

export interface NotifierOptions {
  env: Env;
  environment: Readonly<Record<string, string | undefined>>;
  log: Log;
}

/** Each resolves when it was sent or could not be, and never rejects. Without NOTIFY_SOCKET they do nothing. */
export interface Notifier {
  /** READY=1; from then on the watchdog is fed twice in its time, where the unit has one. */
  ready(): Promise<void>;
  /** STOPPING=1. The watchdog is fed on: a drain may take longer than its time. */
  stopping(): Promise<void>;
  /** One line for `systemctl status`. */
  status(text: string): Promise<void>;
  /** Ends the feeding. */
  close(): void;
}

export function notifier({ env, environment, log }: NotifierOptions): Notifier {
  let warned = false;
  let cancel = () => {};
  const send = (...assignments: string[]) => {
    if (!environment.NOTIFY_SOCKET) return Promise.resolve();
    return run(env, environment, assignments).catch((err: unknown) => {
      if (!warned) log.warn({ err }, `systemd is not told how the service is: ${PROGRAM} failed`);
      warned = true;
    });
  };
  let feeding = false;
  const feed = (everyMs: number) => {
    cancel = env.timer(everyMs, () => feed(everyMs), { unref: true });
    if (feeding) return;
    feeding = true;
    void send('WATCHDOG=1').finally(() => {
      feeding = false;
    });
  };
  let closed = false;
  return {
    async ready() {
      await send('READY=1');
      const everyMs = watchdogMs(environment) / 2;
      if (environment.NOTIFY_SOCKET && everyMs > 0 && !closed) feed(everyMs);
    },
    stopping: () => send('STOPPING=1'),
    status: (text) => send(`STATUS=${text.replaceAll(/[\r\n]+/g, ' ')}`),
    close() {
      closed = true;
      cancel();
    },
  };
}

/** The watchdog's time, 0 when there is none or it watches another process. */
function watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: pid }: NotifierOptions['environment']): number {
  if (pid !== undefined && pid !== String(process.pid)) return 0;
  const ms = Number(usec ?? 0) / 1_000;
  return Number.isFinite(ms) ? ms : 0;
}

/** Rejects when the program cannot be started, fails, or does not end in time. */
function run(
  env: Env,
  { PATH, NOTIFY_SOCKET }: NotifierOptions['environment'],
  assignments: string[],
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = env.spawn(PROGRAM, [`--pid=${process.pid}`, ...assignments], {
    env: { PATH, NOTIFY_SOCKET },
    stdio: 'ignore',
    shell: false,
  });
  const cancel = env.timer(SEND_MS, () => child.kill('SIGKILL'), { unref: true });
  child.on('error', reject);
  child.on('exit', (code, signal) => {
    if (code === 0) resolve();
    else reject(new Error(`${PROGRAM} ended with ${signal ?? `exit code ${code}`}`));
  });
  return promise.finally(cancel);
}
