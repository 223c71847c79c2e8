/** A server that counts in memory (fixtures/workers/counter.mjs), behind Segue: what it counts, and what it was asked. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Method } from '../../src/extension/names.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Json, type Message, modernMeta, textOf } from '../support/raw-client.ts';
import { type Served, type ServedOptions, serve } from '../support/restarts.ts';
import { waitForFile } from '../support/wait.ts';

export interface Question {
  method: Method;
  params: Json;
  generation: number;
}

export interface Counting extends Served {
  call(tool: string, args?: Json): Promise<Message>;
  add(by: number): Promise<string>;
  count(): Promise<string>;
  /** What Segue asked the server for, over all generations. */
  asked(): Question[];
  /** Resolves when this was asked. */
  whenAsked(wanted: (question: Question) => boolean): Promise<unknown>;
}

export interface CountingOptions extends ServedOptions {
  declares?: Json | false;
  faults?: Partial<Record<Method, string>>;
  era?: 'legacy' | 'modern';
}

/** The client has opened its conversation. */
export async function counting(options: CountingOptions = {}): Promise<Counting> {
  const { declares = {}, faults = {}, era = 'legacy', env, ...rest } = options;
  const home = rest.home ?? tempHome();
  const file = join(home, 'asked');
  const segue = serve({
    command: worker('counter'),
    ...rest,
    home,
    env: { DECLARES: JSON.stringify(declares), FAULTS: JSON.stringify(faults), ASKED: file, ...env },
  });
  const { client } = segue;
  const meta = era === 'modern' ? modernMeta() : {};
  const call = (name: string, args: Json = {}) =>
    client.request('tools/call', { name, arguments: args, ...meta });
  if (era === 'legacy') await client.initialize();
  const questions = (text: string) =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Question);
  return {
    ...segue,
    call,
    add: async (by) => textOf(await call('add', { by })),
    count: async () => textOf(await call('count')),
    asked: () => (existsSync(file) ? questions(readFileSync(file, 'utf8')) : []),
    whenAsked: (wanted) => waitForFile(file, (text) => questions(text).some(wanted)),
  };
}
