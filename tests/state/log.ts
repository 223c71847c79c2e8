import { type Log, silentLog } from '../../src/observe/log.ts';

/** Remembers what was said at warn and error. */
export function listeningLog(): Log & { said: string[] } {
  const said: string[] = [];
  const log = { ...silentLog, said, child: () => log };
  log.warn = (fields, message) => void said.push(`${message} ${JSON.stringify(fields)}`);
  log.error = log.warn;
  return log;
}
