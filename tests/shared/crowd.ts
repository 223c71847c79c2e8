/** Several clients of one worker, and what that worker has heard. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigInput, Hooks, Supervisor } from '../../src/index.ts';
import { type Embedded, type EmbeddedClient, embed } from '../lifecycle/embedded.ts';
import { tempHome, worker } from '../support/launch.ts';
import type { Message } from '../support/raw-client.ts';
import type { Execution } from '../support/restarts.ts';
import { Stage } from '../support/stage.ts';

export interface Crowd extends Embedded {
  stage: Stage;
  /** Opens its conversation. */
  enter(): Promise<EmbeddedClient>;
  /** What all workers have read so far, in order. */
  heard(method?: string): Message[];
  /** The same as it came. */
  text(): string;
  executions(): Execution[];
}

export interface CrowdOptions extends Omit<ConfigInput, 'command'> {
  command?: string[];
  /** Gates at which the first worker waits from its start. */
  hold?: string[];
  hooks?: Hooks;
}

export async function crowd({
  command = worker('crowd'),
  hold = [],
  ...options
}: CrowdOptions = {}): Promise<Crowd> {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold(...hold);
  const files = { HEARD: join(home, 'heard'), EXEC_LOG: join(home, 'executions') };
  const embedded = embed({
    command,
    home,
    isolation: 'shared',
    env: { ...stage.env, ...files },
    ...options,
  });
  return {
    ...embedded,
    stage,
    async enter() {
      const client = embedded.connect();
      await client.initialize();
      return client;
    },
    heard: (method) => lines<Message>(files.HEARD).filter((line) => !method || line.method === method),
    text: () => readFileSync(files.HEARD, 'utf8'),
    executions: () => lines<Execution>(files.EXEC_LOG),
  };
}

function lines<Line>(file: string): Line[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Line);
}

/** Resolves when the machine comes to `state` the next time. */
export function arrives({ control }: Supervisor, state: string): Promise<void> {
  return new Promise((resolve) => {
    const unwatch = control.onTransition((status) => {
      if (status.state !== state) return;
      unwatch();
      resolve();
    });
  });
}

export const many = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));
