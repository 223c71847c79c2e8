/** createSupervisor in a program of one's own: hooks in each phase, several clients (B2, B4, E5, F68). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { PHASES, type Phase } from '../../machines/types.ts';
import { type Hook, type HookContext, restartInput } from '../../src/index.ts';
import { tempHome, worker } from '../support/launch.ts';
import { type Json, textOf } from '../support/raw-client.ts';
import { readJson, restart, type Status, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Journal } from '../support/wait.ts';
import { embed } from './embedded.ts';

const eachPhase = (hooks: (phase: Phase) => Hook[]) =>
  Object.fromEntries(PHASES.map((phase) => [phase, hooks(phase)]));

shows('B2 B4', 'hooks run phase by phase in their order, those of cleanup last in it', async () => {
  const ran: string[] = [];
  const hook = (name: string): Hook => ({
    name,
    deadlineMs: 5_000,
    async run({ phase, rebootId, generation }) {
      ran.push(`${phase} ${name} begins`);
      await new Promise(setImmediate);
      ran.push(`${phase} ${name} ends`);
      contexts.push({ rebootId, generation });
    },
  });
  const contexts: Partial<HookContext>[] = [];
  const cleanup = [hook('third'), hook('fourth')];
  const { connect } = embed({
    command: worker('echo'),
    hooks: { phases: eachPhase(() => [hook('first'), hook('second')]), cleanup },
  });
  const client = connect();
  await client.initialize();
  expect(ran.splice(0)).toEqual(
    ['spawn', 'spawn', 'spawn', 'spawn'].map(() => expect.stringMatching(/^spawn /)),
  );
  contexts.splice(0);
  const report = await restart(client);
  expect(report).toMatchObject({ success: true, errors: [] });
  const wanted = PHASES.flatMap((phase) =>
    ['first', 'second', ...(phase === 'cleanup' ? ['third', 'fourth'] : [])].flatMap((name) => [
      `${phase} ${name} begins`,
      `${phase} ${name} ends`,
    ]),
  );
  expect(ran).toEqual(wanted);
  expect(new Set(contexts.map(({ rebootId }) => rebootId))).toEqual(new Set([report.reboot_id]));
  expect(contexts.map(({ generation }) => generation)).toEqual([...Array(12).fill(1), ...Array(6).fill(2)]);
});

shows(
  'B5 B7',
  'a hook that fails, or is not done at its deadline, stops nothing; the report names it',
  async () => {
    const aborted: string[] = [];
    const endless: Hook = {
      name: 'endless',
      deadlineMs: 50,
      run: ({ signal, phase }) => {
        signal.addEventListener('abort', () => aborted.push(phase));
        return new Promise(() => {});
      },
    };
    const failing: Hook = {
      name: 'failing',
      deadlineMs: 5_000,
      run() {
        throw new Error('out of paper');
      },
    };
    const { connect } = embed({
      command: worker('echo'),
      hooks: { phases: { maintenance: [failing], close: [endless, failing] }, cleanup: [endless] },
    });
    const client = connect();
    await client.initialize();
    const report = await restart(client);
    expect(report).toMatchObject({ success: true, outcome: 'completed' });
    const late = 'the hook "endless" was not done within 50 ms';
    const failed = 'the hook "failing" failed: out of paper';
    expect(report.errors).toMatchObject([
      { phase: 'maintenance', code: 'PROCESS_FAILED', message: failed },
      { phase: 'close', code: 'TIMEOUT_EXCEEDED', message: late },
      { phase: 'close', code: 'PROCESS_FAILED', message: failed },
      { phase: 'cleanup', code: 'TIMEOUT_EXCEEDED', message: late },
    ]);
    expect(aborted).toEqual(['close', 'cleanup']);
    expect(textOf(await client.call('echo', { text: 'on' }))).toBe('on');
  },
);

shows('B7', 'the hooks of undo run when a reboot is taken back, and only then', async () => {
  const ran: string[] = [];
  const held = new Journal<() => void>();
  const undo: Hook = {
    name: 'open the doors',
    deadlineMs: 5_000,
    run({ phase, rebootId }) {
      ran.push(`${phase} of ${rebootId}`);
      throw new Error('they are stuck');
    },
  };
  const hold: Hook = {
    name: 'hold',
    deadlineMs: 60_000,
    run: () => new Promise<void>((go) => held.add(go)),
  };
  const { supervisor, connect } = embed({
    command: worker('echo'),
    hooks: { phases: { maintenance: [hold] }, undo: [undo] },
  });
  const client = connect();
  await client.initialize();
  const rebooting = restart(client);
  await held.next();
  const { reboot_id } = await supervisor.control.abort({ id: 'me', role: 'operator' });
  const report = await rebooting;
  expect(report).toMatchObject({ reboot_id, success: false, outcome: 'aborted' });
  expect(report.errors).toMatchObject([
    { phase: 'undo', message: 'the hook "open the doors" failed: they are stuck' },
  ]);
  expect(ran).toEqual([`undo of ${reboot_id}`]);
  const next = restart(client);
  (await held.next())();
  expect(await next).toMatchObject({ success: true, errors: [] });
  expect(ran).toHaveLength(1);
});

shows(
  'E5 E6 B2',
  'held in each of the eight phases, the status says that phase, and so does its resource',
  async () => {
    const held = new Journal<{ phase: Phase; go: () => void }>();
    let holding = false;
    const { connect } = embed({
      command: worker('echo'),
      hooks: {
        phases: eachPhase((phase) => [
          {
            name: 'hold',
            deadlineMs: 60_000,
            run: () => (holding ? new Promise<void>((go) => held.add({ phase, go })) : undefined),
          },
        ]),
      },
    });
    const client = connect();
    await client.initialize();
    await client.request('resources/subscribe', { uri: 'reboot://status' });
    holding = true;
    const updated = () =>
      client.messages.filter(({ method }) => method === 'notifications/resources/updated').length;
    const done = restart(client, { timeout: 300 });
    const seen: Pick<Status, 'phase' | 'traffic' | 'abortable'>[] = [];
    let progress = -1;
    for (const phase of PHASES) {
      const { go, phase: at } = await held.next();
      expect(at).toBe(phase);
      const { current_status: now } = await status(client);
      const resource = await readJson<{ current_status: Status }>(client, 'reboot://status');
      expect(resource.current_status).toEqual(now);
      expect(now.progress).toBeGreaterThan(progress);
      expect(now).toMatchObject({ maintenance_mode: true, reboot_id: expect.any(String) });
      progress = now.progress;
      seen.push({ phase: now.phase, traffic: now.traffic, abortable: now.abortable });
      expect(updated()).toBeGreaterThanOrEqual(PHASES.indexOf(phase) + 1);
      go();
    }
    const rows: [Phase, Status['traffic'], boolean][] = [
      ['maintenance', 'open', true],
      ['suspend', 'draining', true],
      ['serialize', 'holding', true],
      ['close', 'holding', false],
      ['cleanup', 'holding', false],
      ['spawn', 'holding', false],
      ['restore', 'holding', false],
      ['reconnect', 'replaying', false],
    ];
    expect(seen).toEqual(rows.map(([phase, traffic, abortable]) => ({ phase, traffic, abortable })));
    const report = await done;
    expect(report.phases.map(({ name, outcome }) => [name, outcome])).toEqual(
      PHASES.map((name) => [name, 'done']),
    );
    expect(updated()).toBeGreaterThan(PHASES.length); // and out of the last
    expect((await status(client)).current_status).toMatchObject({
      phase: null,
      progress: 100,
      traffic: 'open',
    });
    client.expectOneAnswerEach();
  },
);

shows('F68 F32', 'a session that cannot go on is named and told so; the others are served', async () => {
  const home = tempHome();
  const file = join(home, 'tools.json');
  const deploy = (capabilities: Json) =>
    writeFileSync(file, JSON.stringify({ tools: [{ name: 'a' }], capabilities }));
  deploy({});
  const { supervisor, connect } = embed({
    command: worker('changed-tools', file),
    home,
    isolation: 'shared',
  });
  const kept = connect();
  await kept.initialize();
  deploy({ prompts: {} });
  expect(await restart(kept)).toMatchObject({ success: true, partial: false });
  const lost = connect();
  await lost.initialize(); // it is shown prompts, which the first client never was
  deploy({});
  const report = await restart(kept);
  const [first, second] = supervisor.control.info().sessions;
  expect(report).toMatchObject({ success: true, partial: true, sessions: { kept: 1, lost: [second!.id] } });
  expect(first!.id).not.toBe(second!.id);
  expect(textOf(await kept.request('tools/call', { name: 'a' }, 'kept'))).toBe('a called');
  const refused = await lost.request('tools/call', { name: 'a' }, 'lost');
  expect(refused.error).toMatchObject({ data: { code: 'RECONNECT_REQUIRED', missing: ['prompts'] } });
});

shows(
  'F26',
  'a server that is not shared has one client in its life; who comes behind it is the next one’s',
  async () => {
    const held = new Journal<() => void>();
    let holding = false;
    const run = () => (holding ? new Promise<void>((go) => held.add(go)) : undefined);
    const { supervisor, connect } = embed({
      command: worker('echo'),
      hooks: { phases: { spawn: [{ name: 'hold', deadlineMs: 60_000, run }] } },
    });
    const refused = 'this server has had its client';
    const first = connect();
    await first.initialize();
    expect(connect).toThrow(refused);
    holding = true;
    const reboot = supervisor.control.restart(restartInput.parse({}), { id: 'test', role: 'operator' });
    const go = await held.next();
    expect(connect).toThrow(refused); // the first goes over to the next server
    first.leave();
    const second = connect();
    expect(connect).toThrow(refused);
    const opened = second.initialize();
    go();
    expect((await opened).result).toMatchObject({ serverInfo: { name: 'echo' } });
    expect(await reboot).toMatchObject({ success: true });
    expect(JSON.parse(textOf(await second.call('whoami')))).toMatchObject({ generation: 2 });
    second.leave();
    expect(connect).toThrow(refused);
    second.expectOneAnswerEach();
  },
);
