/** A service in small: several supervisors of one name in the test's process, each with one client, under one fleet. */
import { systemEnv } from '../../src/env.ts';
import { createFleet, type Fleet } from '../../src/fleet/fleet.ts';
import type { ConfigInput, Principal, RestartInput, RestartReport, StatusReport } from '../../src/index.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Windows } from '../../src/triggers/windows.ts';
import { type Embedded, type EmbeddedClient, embed } from '../lifecycle/embedded.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

export interface Several {
  home: string;
  stage: Stage;
  fleet: Fleet;
  /** The workers of the pool, in their order; a test takes out one that ends. */
  members: Embedded['supervisor'][];
  clients: EmbeddedClient[];
  /** One more worker and its client, as when somebody comes. */
  enter(principal?: Omit<Principal, 'sessionId'>): Promise<EmbeddedClient>;
  reboot(change?: Partial<RestartInput>, command?: string[]): Promise<RestartReport>;
  /** The history when all of it is on disk: all workers but the first, who reads it, have ended then. */
  recorded(): Promise<RestartReport[]>;
}

export const NAME = 'several';
export const OPERATOR = { id: 'admin socket', role: 'operator' } as const;
export const ALL: RestartInput = {
  graceful: true,
  preserve_state: true,
  timeout: 300,
  reason: 'manual_request',
  wait: true,
  scope: 'all',
};

export async function several(
  count: number,
  { parallel, command = worker('echo'), ...config }: ConfigInput & { parallel: number },
): Promise<Several> {
  const home = tempHome();
  const stage = await Stage.open(home);
  const members: Several['members'] = [];
  const clients: Several['clients'] = [];
  const asCommand = ([file, ...args]: string[]) => ({ file: file!, args, cwd: home });
  const fleet = createFleet({
    ...{ env: systemEnv, log: silentLog, members: () => members, parallel, name: NAME },
    instance: 'the service',
    command: asCommand(command),
    windows: new Windows([], systemEnv),
  });
  async function enter(principal?: Omit<Principal, 'sessionId'>) {
    const { file, args } = fleet.command;
    const embedded = embed({
      ...{ command: [file, ...args], home, name: NAME, controlOf: fleet.controlOf, env: stage.env },
      // A gate holds as long as the test wants.
      ...{ timing: { startMs: 300_000, drainMs: 300_000, backoffBaseMs: 1 }, ...config },
    });
    members.push(embedded.supervisor);
    const client = principal ? embedded.connectAs(principal) : embedded.connect();
    clients.push(client);
    await client.initialize();
    return client;
  }
  for (let each = 0; each < count; each++) await enter();
  return {
    ...{ home, stage, fleet, members, clients, enter },
    async recorded() {
      await Promise.all(members.slice(1).map((member) => member.shutdown('for its records')));
      return fleet.control.history(10);
    },
    reboot: (change, next) =>
      fleet.control.restart({ ...ALL, ...change }, OPERATOR, next ? { command: asCommand(next) } : {}),
  };
}

/** The generation that answers this client. */
export async function served(client: EmbeddedClient): Promise<number> {
  return (JSON.parse(textOf(await client.call('whoami'))) as { generation: number }).generation;
}

/** What became of each worker, or becomes of it now. */
export const results = ({ workers = [] }: Pick<RestartReport, 'workers'> | StatusReport) =>
  workers.map(({ result }) => result);
