/** A supervisor inside the test's own process, as a program that embeds Segue has it; its worker is a real process. */
import { PassThrough } from 'node:stream';
import { onTestFailed, onTestFinished } from 'vitest';
import type { Principal } from '../../src/control/types.ts';
import {
  type ConfigInput,
  configSchema,
  createSupervisor,
  type Hooks,
  type Supervisor,
} from '../../src/index.ts';
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
  connectAs(principal: Principal): EmbeddedClient;
}

/** Started, and shut down at the end of the test. */
export function embed(
  options: ConfigInput & { command: string[]; home?: string; env?: Record<string, string>; hooks?: Hooks },
): Embedded {
  const { home = tempHome(), env, hooks = {}, ...config } = options;
  const supervisor = createSupervisor({
    config: configSchema.parse({ cwd: home, ...config }),
    environment: { ...environmentOf(home), ...env },
    hooks,
  });
  onTestFinished(() => supervisor.shutdown('the test is over'));
  supervisor.start();
  return {
    supervisor,
    connect: () => connect(supervisor),
    connectAs: (principal) => connect(supervisor, principal),
  };
}

function connect(supervisor: Supervisor, principal?: Principal): EmbeddedClient {
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
  const session = supervisor.connect(port, principal && { principal });
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
