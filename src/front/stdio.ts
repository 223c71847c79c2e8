/**
 * The front of a client that started Segue as its server: lines on stdin and stdout. When the client goes, Segue and
 * everything that it started are gone within 800 ms (design.md, "Supervisor death").
 */

import type { LiveConfig } from '../config/live.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { HeadStart } from '../head-start.ts';
import { alertsOf } from '../observe/alerts/of.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { openInspector } from '../observe/open-inspector.ts';
import { traceReboots } from '../observe/traces.ts';
import type { ClientPort, Session } from '../session/session.ts';
import { createSupervisor } from '../supervisor.ts';
import { startTriggers } from '../triggers/triggers.ts';
import { Windows } from '../triggers/windows.ts';
import { LineWriter } from '../wire/line-writer.ts';
import { LineSplitter } from '../wire/lines.ts';

export interface StdioOptions {
  config: Config;
  live?: LiveConfig | undefined;
  log: Log;
  env: Env;
  feed: Feed;
  environment: Readonly<Record<string, string | undefined>>;
  head?: HeadStart | undefined;
}

/** Above this much that the client has not read, the worker is not read any more. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** For alerts that were not sent yet when the client goes. */
const ALERTS_MS = 200;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Serves until the client goes; resolves with the exit code. */
export async function runStdio(options: StdioOptions): Promise<number> {
  const { config, log, env, feed, environment, live, head } = options;
  const inspector = await openInspector({ config, log, env });
  const windows = new Windows(config.windows, env);
  const supervisor = createSupervisor({
    ...{ config, live, windows, log, env, feed, environment, head },
    inspect: inspector?.inspect,
  });
  const page =
    config.page === undefined
      ? null
      : await (await import('../page/local.ts')).startLocalPage(config.page, {
          ...{ config, env, feed, log },
          control: supervisor.control,
        });
  if (page) log.info({ page: page.address }, 'page');
  const { name } = supervisor;
  const alerts = await alertsOf(config, { name, feed, env, log, environment });
  traceReboots({ feed, log });
  supervisor.start();
  const session = supervisor.connect(stdoutPort());
  const { control } = supervisor;
  const members = () => [supervisor];
  const endTriggers = startTriggers({ config, live, log, env, environment, control, members, windows });
  const how = await serve(session, config);
  endTriggers();
  log.info({ how }, 'the client has gone');
  await supervisor.shutdown(how);
  await Promise.all([flushed(), alerts?.close(ALERTS_MS)]);
  await Promise.all([inspector?.close(), page?.close()]);
  return 0;
}

/** Resolves with what ended it: the end of stdin, a broken stdout, or a signal. */
function serve(session: Session, config: Config): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const splitter = new LineSplitter(config.limits.maxLineBytes, {
    onLine: (line) => session.fromClient(line),
    onSkipped: (edges) => session.tooLarge(edges),
  });
  process.stdin.on('data', (chunk: Buffer) => session.inOneWrite(() => splitter.push(chunk)));
  process.stdin.once('end', () => resolve('the client closed stdin'));
  process.stdin.on('error', (error) => resolve(`stdin: ${error.message}`));
  // Not once: every write to a client that is gone fails, and an error that nobody hears ends the process.
  process.stdout.on('error', (error) => resolve(`stdout: ${error.message}`));
  process.stdout.on('drain', () => session.clientDrained());
  for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
  return promise;
}

function stdoutPort(): ClientPort {
  const { stdin, stdout } = process;
  const lines = new LineWriter(stdout);
  return {
    send: (line) => lines.write(line),
    get full() {
      return lines.unreadBytes > HIGH_WATER_BYTES;
    },
    pause: () => stdin.pause(),
    resume: () => stdin.resume(),
  };
}

/** What was answered last still goes out; a client that does not read is not waited for. */
async function flushed(): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.stdout.writableLength === 0) return resolve();
    setTimeout(resolve, 50).unref();
    process.stdout.once('drain', resolve);
    process.stdout.once('error', () => resolve());
  });
}
