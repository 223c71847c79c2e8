/** A supervisor inside the test's own process, as a program that embeds Segue has it; its worker is a real process. */
import { PassThrough } from 'node:stream';
import { onTestFailed, onTestFinished } from 'vitest';
import {
  type ConfigInput,
  type Control,
  configSchema,
  createSupervisor,
  type Hooks,
  type Supervisor,
} from '../../src/index.ts';
import { Feed } from '../../src/observe/feed.ts';
import type { Client } from '../../src/supervisor.ts';
import { LineSplitter } from '../../src/wire/lines.ts';
import { environmentOf, tempHome } from '../support/launch.ts';
import { RawClient } from '../support/raw-client.ts';

/** A client by a pipe in memory. */
export interface EmbeddedClient extends RawClient {
  leave(): void;
  readonly left: boolean;
  /** From now on it reads too slowly, until `readAgain`. */
  stopReading(): void;
  readAgain(): void;
}

export interface Embedded {
  supervisor: Supervisor;
  /** One more client: the local user. */
  connect(): EmbeddedClient;
  /** One that is not the local user. */
  connectAs(principal: Client['principal']): EmbeddedClient;
}

/** Started, and shut down at the end of the test. */
export function embed(
  options: ConfigInput & {
    command: string[];
    home?: string;
    env?: Record<string, string>;
    hooks?: Hooks;
    feed?: Feed;
    controlOf?: (control: Control) => Control;
  },
): Embedded {
  const { home = tempHome(), env, hooks = {}, feed = new Feed(), controlOf, ...config } = options;
  const supervisor = createSupervisor({
    config: configSchema.parse({ cwd: home, ...config }),
    environment: { ...environmentOf(home), ...env },
    ...{ hooks, feed },
    ...(controlOf ? { controlOf } : {}),
  });
  onTestFinished(() => supervisor.shutdown('the test is over'));
  supervisor.start();
  return {
    supervisor,
    connect: () => connect(supervisor),
    connectAs: (principal) => connect(supervisor, principal),
  };
}

function connect(supervisor: Supervisor, principal?: Client['principal']): EmbeddedClient {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const port = {
    full: false,
    send(line: Buffer) {
      output.write(line);
      output.write('\n');
    },
    pause: () => void input.pause(),
    resume: () => void input.resume(),
  };
  const session = supervisor.connect(port, principal ? { principal } : {});
  const lines = new LineSplitter(1 << 24, { onLine: (line) => session.fromClient(line), onOverflow() {} });
  input.on('data', (chunk: Buffer) => lines.push(chunk));
  const client = new RawClient(input, output);
  onTestFailed(() => console.log(`--- messages\n${client.transcript()}`));
  return Object.assign(client, {
    left: false,
    leave() {
      this.left = true;
      supervisor.disconnect(session);
    },
    stopReading() {
      port.full = true;
    },
    readAgain() {
      port.full = false;
      session.clientDrained();
    },
  });
}
