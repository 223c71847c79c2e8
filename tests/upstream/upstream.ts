/** A supervisor of an HTTP server, with clients in memory; what the server does is in tests/fixtures/upstreams. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigInput, Supervisor } from '../../src/index.ts';
import { type Embedded, embed } from '../lifecycle/embedded.ts';
import { upstreamServer as server, tempHome } from '../support/launch.ts';
import { freePort } from '../support/port.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

export { server };

export interface Upheld extends Embedded {
  stage: Stage;
  url: string;
  /** The file that executions are written to. */
  done: string;
  executions(): string[];
}

export async function uphold(
  name: string,
  { gates = [], ...options }: ConfigInput & { gates?: string[]; env?: Record<string, string> } = {},
): Promise<Upheld> {
  const home = tempHome();
  const stage = (await Stage.open(home)).hold(...gates);
  const done = join(home, 'executions');
  const port = await freePort();
  const upstream = `http://127.0.0.1:${port}/mcp`;
  const env = { ...stage.env, PORT: String(port), EXEC_LOG: done, ...options.env };
  const embedded = embed({ ...options, command: server(name), upstream, home, env });
  return {
    ...embedded,
    stage,
    done,
    url: upstream,
    /** What the servers did, one JSON text each. */
    executions: () => (existsSync(done) ? readFileSync(done, 'utf8').trim().split('\n') : []),
  };
}

/** The machine comes to a state whose name holds `phase`. */
export function until({ control }: Supervisor, phase: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = control.onTransition(({ state }) => {
      if (!state.includes(phase)) return;
      stop();
      resolve();
    });
  });
}

export function jsonOf<Value = Record<string, unknown>>(answer: Message): Value {
  return JSON.parse(textOf(answer)) as Value;
}
