/**
 * What a Segue goes through before it is killed somewhere on the way: together they take it through every state of its
 * lifecycle. A story goes on whatever a call is answered, and rejects when Segue's output ends.
 */
import type { AdminClient } from '../../src/control/admin-client.ts';
import { worker } from '../support/launch.ts';
import { adminOf, reached, type Served, type ServedOptions, started } from '../support/restarts.ts';

interface Story {
  options?: Pick<ServedOptions, 'set' | 'env'>;
  tell(segue: Served, admin: AdminClient, pid: number): Promise<unknown>;
}

const RESTART = 'orchestrator_restart_server';

/** A call at work that nothing may do twice, the reboot, and another such call that has to wait. */
function reboot({ client }: Served, args: object = {}): Promise<unknown> {
  const during = async () => {
    await client.call('echo', { text: 'the server has the one before' });
    await Promise.all([
      client.call(RESTART, { timeout: 300, ...args }),
      client.call('write', { call: 'held' }),
    ]);
  };
  return Promise.all([client.call('endless', { call: 'at work' }), during()]);
}

const stories = {
  start: { tell: async () => {} },
  reboot: { tell: (segue) => reboot(segue) },
  overlap: {
    // Both servers live until one of them is killed.
    options: { set: { handover: 'overlap', 'timing.stdinEndMs': 60_000 } },
    tell: (segue) => reboot(segue),
  },
  emergency: { tell: (segue) => reboot(segue, { reason: 'emergency_shutdown' }) },
  abort: {
    options: { set: { 'timing.drainMs': 60_000 } },
    async tell(segue, admin) {
      const { client } = segue;
      client.call('endless', { call: 'at work' }).catch(() => {});
      const restarted = client.call(RESTART, { timeout: 300 });
      restarted.catch(() => {});
      await reached(segue, 'alive.preparing.suspend');
      await admin.request('abort').catch(() => {}); // too late, where its server was killed
      await Promise.all([restarted, client.call('write', { call: 'held' })]);
    },
  },
  failing: { options: { env: { FAILS_FROM: '2' } }, tell: (segue) => reboot(segue) },
  breaker: {
    options: { set: { 'timing.crashLimit': 1, 'timing.coolDownMs': 50 } },
    async tell(segue, _, pid) {
      await reached(segue, 'alive.idle');
      process.kill(pid, 'SIGKILL');
      await reached(segue, 'broken');
      await reached(segue, 'alive.idle');
    },
  },
  farewell: {
    async tell({ client, stdin }) {
      stdin.end();
      await client.next(() => false); // it goes
    },
  },
} satisfies Record<string, Story>;

export type StoryName = keyof typeof stories;

const SET = {
  'timing.drainMs': 50,
  'timing.stdinEndMs': 50,
  'timing.termMs': 50,
  'timing.backoffBaseMs': 10,
};

export function optionsOf(name: StoryName, home: string): ServedOptions & { home: string } {
  const { options = {} }: Story = stories[name];
  return { home, command: worker('stubborn'), set: { ...SET, ...options.set }, env: options.env ?? {} };
}

export async function tell(name: StoryName, segue: Served): Promise<void> {
  const { client } = segue;
  await client.initialize();
  const [pid, admin] = await Promise.all([started(segue), adminOf(segue)]);
  await client.call('echo', { text: 'its tools are known' });
  await client.call('write', { call: 'before' });
  await stories[name].tell(segue, admin, pid);
}
