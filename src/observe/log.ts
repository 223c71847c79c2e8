/**
 * The operator's log: JSON lines on stderr (stdout belongs to the protocol). Secrets are taken out on the way.
 *
 * A client that never reads our stderr must not stop the relay: what does not fit into its pipe waits in memory up to
 * 256 KiB, the rest is dropped and counted.
 */
import { type Logger, pino } from 'pino';
import type { Config } from '../config.ts';
import type { Feed } from './feed.ts';
import { redact, redactText } from './redact.ts';

export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log that adds `fields` to each of its lines. */
  child(fields: object): Log;
}

export interface LogDestination {
  /** One line with its line feed. Must not block and must not throw. */
  write(line: string): void;
}

/** Lines carry `level` (a word), `time` (ISO-8601 UTC), the fields, and `msg`. An error goes in as `{ err }`. */
export function createLog(level: Config['logLevel'], destination: LogDestination = toStderr()): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => error },
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return redacted(logger);
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

function redacted(logger: Logger): Log {
  const log = { child: (fields: object) => redacted(logger.child(redact(fields) as object)) } as Log;
  for (const level of LEVELS) {
    log[level] = (fields, message) => {
      if (logger.isLevelEnabled(level)) logger[level](redact(fields) as object, redactText(message));
    };
  }
  return log;
}

/** For tests and for callers that have nothing to say. */
export const silentLog: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

const MAX_WAITING_BYTES = 256 * 1024;

/** stderr as it is: at once into a file or terminal, without waiting into a pipe. Those who watch `feed` see it, too. */
export function toStderr(feed?: Feed): LogDestination {
  const stream = process.stderr;
  let dropped = 0;
  // The client may be gone or have closed our stderr (EPIPE): there is nobody left to tell.
  stream.on('error', () => {});
  return {
    write(line) {
      feed?.publish({ kind: 'log', line: line.trimEnd() });
      if (stream.writableLength > MAX_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      if (dropped > 0) {
        stream.write(
          `${JSON.stringify({ level: 'warn', dropped, msg: 'stderr was not read: log lines dropped' })}\n`,
        );
        dropped = 0;
      }
      stream.write(line);
    },
  };
}
