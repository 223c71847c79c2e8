import { once } from 'node:events';
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { assign, createActor, fromPromise, setup } from 'xstate';
import { startInspector } from '../../src/observe/inspect.ts';
import { silentLog } from '../../src/observe/log.ts';
import { shows } from '../support/shows.ts';
import { Journal } from '../support/wait.ts';

const command = { file: 'node', args: ['server.js', 'private-argument'], cwd: '/srv' };

const machine = setup({
  actors: { spawn: fromPromise(async (_: { input: { command: typeof command } }) => ({ pid: 1 })) },
}).createMachine({
  id: 'reboot',
  context: { command, environment: { API_KEY: 'private-value' }, count: 0 },
  initial: 'outer',
  states: {
    outer: {
      initial: 'inner',
      states: {
        inner: {
          initial: 'core',
          states: { core: { on: { go: { target: '#reboot.starting', actions: assign({ count: 1 }) } } } },
        },
      },
    },
    starting: { invoke: { src: 'spawn', input: { command }, onDone: 'ready' } },
    ready: {},
  },
});

async function inspected() {
  const inspector = await startInspector({ log: silentLog });
  onTestFinished(() => inspector.close());
  const actor = createActor(machine, { inspect: inspector.inspect }).start();
  onTestFinished(() => void actor.stop());
  return { inspector, actor };
}

/** The package's own receiver, over a real socket. */
function viewer(url: string): Journal<StatelyInspectionEvent> {
  const journal = new Journal<StatelyInspectionEvent>();
  createWebSocketReceiver({ server: url }).subscribe((event) => journal.add(event));
  return journal;
}

const isRootIn = (state: string) => (event: StatelyInspectionEvent) =>
  event.type === '@xstate.snapshot' && (event.snapshot as { value?: unknown }).value === state;

describe('the inspector', () => {
  it('shows actors, events and snapshots to a viewer, the whole chart included', async () => {
    const { inspector, actor } = await inspected();
    const journal = viewer(inspector.url);
    const root = await journal.next((event) => event.type === '@xstate.actor');
    const definition = JSON.parse((root as { definition: string }).definition);
    expect(definition.states.outer.states.inner.states.core.on.go.target).toBe('#reboot.starting');
    actor.send({ type: 'go' });
    await journal.next((event) => event.type === '@xstate.event' && event.event.type === 'go');
    await journal.next(isRootIn('ready'));
  });

  it('tells a late viewer who lives and in which state', async () => {
    const { inspector, actor } = await inspected();
    const first = viewer(inspector.url);
    await first.next((event) => event.type === '@xstate.actor');
    actor.send({ type: 'go' });
    await first.next(isRootIn('ready'));
    const late = viewer(inspector.url);
    await late.next(isRootIn('ready'));
    expect(late.all.map((event) => event.type)).toEqual(['@xstate.actor', '@xstate.snapshot']);
  });

  shows('F60', 'the inspector shows no argument and no environment value', async () => {
    const { inspector, actor } = await inspected();
    const journal = viewer(inspector.url);
    await journal.next((event) => event.type === '@xstate.actor');
    actor.send({ type: 'go', command } as { type: 'go' });
    await journal.next(isRootIn('ready'));
    const seen = JSON.stringify(journal.all);
    expect(seen).toContain('"file":"node"');
    expect(seen).toContain('API_KEY');
    expect(seen).not.toMatch(/private-(argument|value)/);
  });

  shows(
    'F50',
    'a foreign page, a foreign host name, and whoever does not know the address are refused',
    async () => {
      const { inspector } = await inspected();
      const connect = async (url: string, headers: Record<string, string>) => {
        const socket = new WebSocket(url, { headers });
        onTestFinished(() => socket.terminate());
        const [status] = await Promise.race([
          once(socket, 'open').then(() => [101]),
          once(socket, 'unexpected-response').then(([, response]) => [response.statusCode]),
        ]);
        return status;
      };
      expect(await connect(inspector.url, {})).toBe(101);
      expect(await connect(inspector.url, { origin: 'http://localhost:5173' })).toBe(101);
      expect(await connect(inspector.url, { origin: 'https://stately.ai' })).toBe(403);
      expect(await connect(inspector.url, { origin: 'http://localhost.evil.example' })).toBe(403);
      expect(await connect(inspector.url, { origin: 'null' })).toBe(403);
      expect(await connect(inspector.url, { host: 'evil.example' })).toBe(403);
      expect(await connect(new URL('/', inspector.url).href, {})).toBe(403);
    },
  );
});
