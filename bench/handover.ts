/**
 * A second server that waits: how long clients hear nothing at a reboot with overlap, and after kill -9 with a spare, with
 * 64 calls in flight, and what the second server takes of memory. Prints JSON.
 */
import { createInterface } from 'node:readline';
import type { RestartReport, StatusReport } from '../src/control/schemas.ts';
import { LeanClient } from './lib/lean-client.ts';
import { sized } from './lib/options.ts';
import { residentBytes } from './lib/proc.ts';
import { type Child, ECHO, end, SEGUE, settings, start } from './lib/programs.ts';
import { type Rebooted, reboots } from './lib/reboots.ts';
import { Traffic } from './lib/traffic.ts';

export interface HandoverMeasured {
  /** Graceful reboots with `--handover overlap`. */
  overlap: Rebooted;
  /** `kill -9` of the server, with `--spare`. */
  crash: Rebooted;
  /** The spare's memory; a reboot with overlap takes as much while both live. Segue itself is the same with one. */
  spareBytes: number;
}

interface Line {
  msg: string;
  pid: number;
}

const LANES = 64;
const CHANGES = sized(5, 100);
const CALL = { text: 'x'.repeat(100) };
/** A server that is killed so often would be called broken. */
const LIMITS = {
  'limits.restartsPerMinute': 100_000,
  'timing.crashLimit': 100_000,
  'timing.backoffBaseMs': 1,
};

async function segue(...flags: string[]) {
  const child = start([...SEGUE, '--name', 'bench', ...flags, ...settings(LIMITS), '--', ...ECHO]);
  const logged = logOf(child);
  const client = new LeanClient(child.stdin, child.stdout);
  const call = () => client.call('echo', CALL);
  const ask = async (tool: string, args = {}) => (await client.call(tool, args)).result.structuredContent;
  return { child, client, logged, call, ask };
}

/** The next line of its log that says this. */
function logOf(child: Child): (message: string) => Promise<Line> {
  const waiting = new Map<string, (line: Line) => void>();
  createInterface(child.stderr).on('line', (text) => {
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as Line;
    waiting.get(line.msg)?.(line);
    waiting.delete(line.msg);
  });
  return (message) => new Promise((resolve) => waiting.set(message, resolve));
}

async function overlap(): Promise<Rebooted> {
  const { child, client, call, ask } = await segue('--handover', 'overlap');
  await client.open();
  const traffic = new Traffic(Array.from({ length: LANES }, () => call));
  const restart = (): Promise<RestartReport> => ask('orchestrator_restart_server');
  const measured = await reboots('overlap, 64 in flight', restart, call, traffic, CHANGES);
  await end(child);
  return measured;
}

async function crash(): Promise<{ crash: Rebooted; spareBytes: number }> {
  const { child, client, logged, call, ask } = await segue('--spare');
  const first = logged('server started');
  let spare = logged('a spare server is ready');
  let bytes = 0;
  await client.open();
  let serving = (await first).pid;
  const traffic = new Traffic(Array.from({ length: LANES }, () => call));
  const restart = async (): Promise<RestartReport> => {
    const { pid } = await spare;
    bytes = Math.max(bytes, residentBytes(pid));
    spare = logged('a spare server is ready');
    const over = logged('The server was restarted.');
    traffic.silence(); // what it took until the spare was there is no part of it
    process.kill(serving, 'SIGKILL');
    await over;
    serving = pid;
    const { history }: StatusReport = await ask('orchestrator_restart_status', { include_history: true });
    return history!.recent_restarts[0]!;
  };
  const measured = await reboots('kill -9 with a spare, 64 in flight', restart, call, traffic, CHANGES);
  await end(child);
  return { crash: measured, spareBytes: bytes };
}

const measured: HandoverMeasured = { overlap: await overlap(), ...(await crash()) };
console.log(JSON.stringify(measured));
