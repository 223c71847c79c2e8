/** `segue list`: what runs. */
import type { StatusReport } from '../control/schemas.ts';
import type { InstanceInfo } from '../control/types.ts';
import { systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { redactArgs } from '../observe/redact.ts';
import type { ListedInstance } from '../state/instances.ts';
import { duration, shortId, table } from './format.ts';
import { connectTo, runningInstances } from './instance.ts';
import { plainJson, plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

export interface ListEntry extends Omit<ListedInstance, 'alive'> {
  /** Null when it does not answer. */
  info: InstanceInfo | null;
  status: StatusReport['current_status'] | null;
}

export async function list(terminal: Terminal, options: { json?: boolean }): Promise<number> {
  const entries = await Promise.all((await runningInstances(terminal)).map(ask));
  if (options.json) terminal.out(plainJson(entries));
  else terminal.out(entries.length === 0 ? 'nothing is running' : listText(entries, systemEnv.now()));
  return 0;
}

async function ask({ alive: _, ...instance }: ListedInstance): Promise<ListEntry> {
  try {
    const { client, info } = await connectTo({ ...instance, alive: true });
    try {
      const { current_status } = await client.request('status', { include_error_details: false });
      // Its own word: without secrets, and what it runs now.
      return { ...instance, command: info.command, info, status: current_status };
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof SegueError)) throw error;
    return { ...instance, command: redactArgs(instance.command), info: null, status: null }; // busy, or leaving
  }
}

export function listText(entries: readonly ListEntry[], now: number): string {
  const rows = entries.map(({ name, instance, pid, startedAt, command, info, status }) => [
    plainLine(name),
    shortId(instance),
    String(pid),
    status?.state ?? 'no answer',
    status ? String(status.generation) : '-',
    info ? String(info.sessions.length) : '-',
    duration(Math.max(0, now - startedAt)),
    plainLine(command.join(' '), 60),
  ]);
  return table(['NAME', 'ID', 'PID', 'STATE', 'GENERATION', 'SESSIONS', 'UP', 'COMMAND'], rows);
}
