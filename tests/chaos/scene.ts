/** A place of the run: a supervisor, its servers and its clients, and what can befall them. */
import { readFileSync } from 'node:fs';
import { type AdminClient, connectAdmin } from '../../src/control/admin-client.ts';
import type { History } from '../history/history.ts';
import type { Call } from './client.ts';
import type { Segue } from './process.ts';
import type { Random } from './random.ts';

/** What all scenes write to. */
export interface Stage {
  history: History;
  execLog: string;
  home: string;
  random: Random;
  /** Arguments of each server (tests/fixtures/workers/chaos.mjs). */
  server: readonly string[];
  /** Runs `then` when so many more calls of the run have ended, at the latest at its end. */
  after(calls: number, then: () => void): void;
}

export type Strike = () => Promise<unknown>;

export interface Caller {
  /** Resolves when the call has its outcome, which stands in the history then. */
  call(call: Call): Promise<unknown>;
}

export interface Scene {
  readonly name: string;
  /** How many reboots came between messages. */
  readonly reboots: number;
  readonly lanes: number;
  begin(): Promise<void>;
  /** Resolves when its supervisor is there. */
  ready(): Promise<void>;
  clients(): readonly Caller[];
  /** Tools that its clients call, by how often. */
  readonly tools: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** Begins the fault; resolves when it has run its course, which may need other calls to go on. */
  strike(fault: string): Promise<unknown>;
  /** The log of its supervisor, for a person. */
  log(): readonly string[];
  end(): Promise<void>;
}

interface Row {
  tool: string;
  call: string;
  generation: number;
  pid: number;
  /** Of this process alone. */
  self: number;
  parent: number;
}

/** What the servers have written down so far, in its order. */
export function rowsOf(execLog: string): Row[] {
  const lines = readFileSync(execLog, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Row);
}

/** The servers that this supervisor started and whose last execution is the newest. */
export function serversOf(execLog: string, supervisor: number): number[] {
  const own = rowsOf(execLog).filter(({ parent }) => parent === supervisor);
  return [...new Set(own.map(({ pid }) => pid).reverse())];
}

export function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has ended in between.
  }
}

/** Resolves when the supervisor listens for operators. */
export async function adminOf(segue: Segue): Promise<AdminClient> {
  const { path } = JSON.parse(await segue.logged('admin socket is open')) as { path: string };
  return connectAdmin(path);
}

/** What an operator asks for may be refused or cut off: that is in order, and not what is judged here. */
export async function tolerant(asked: Promise<unknown>): Promise<void> {
  await asked.catch(() => {});
}
