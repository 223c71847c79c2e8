/** A server that helps keeps its memory over reboots that are asked for; its clients never see how. */
import { describe, expect, it } from 'vitest';
import { type RestartReport, restartInput } from '../../src/control/schemas.ts';
import { embed } from '../lifecycle/embedded.ts';
import { ROOT, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { type Counting, counting } from './counting.ts';

const ERAS = ['legacy', 'modern'] as const;

async function restart(counter: Counting, args = {}): Promise<RestartReport> {
  return structured(await counter.call('orchestrator_restart_server', args));
}

const methods = (counter: Counting) => counter.asked().map(({ method }) => method);

describe.each(ERAS)('in the %s era', (era) => {
  shows('B3 C4 A3', 'its counter goes on over three reboots, and is told of each', async () => {
    const counter = await counting({ era });
    expect(await counter.add(1)).toBe('1');
    for (const [generation, count] of [2, 3, 4].entries()) {
      const report = await restart(counter);
      expect(report).toMatchObject({
        success: true,
        errors: [],
        worker_state: { restored: true, saved_at: expect.any(String), age_s: expect.any(Number) },
        tasks: { suspended: [{ id: 'count', state: 'suspended.safe' }], kept: 1, resumed: 1, error: 0 },
      });
      expect(await counter.add(1)).toBe(String(count));
      const [suspend, serialize, restore] = counter.asked().slice(generation * 3);
      const ids = { reboot_id: report.reboot_id, generation: generation + 1 };
      expect(suspend).toMatchObject({ method: 'reboot/suspend', params: ids, generation: generation + 1 });
      expect(suspend!.params.deadline_ms).toBeGreaterThan(0);
      expect(suspend!.params.deadline_ms).toBeLessThanOrEqual(10_000);
      expect(serialize).toMatchObject({ method: 'reboot/serialize', params: ids });
      expect(restore).toMatchObject({
        method: 'reboot/restore',
        generation: generation + 2,
        params: { reboot_id: report.reboot_id, generation: generation + 2, state: { count: count - 1 } },
      });
      for (const { params } of [suspend!, serialize!, restore!])
        expect('_meta' in params).toBe(era === 'modern');
    }
    expect(counter.asked()).toHaveLength(9);
    counter.client.expectOneAnswerEach();
  });

  shows('B3', 'a reboot that is taken back resumes it, and it goes on with what it had', async () => {
    const counter = await counting({ era, faults: { 'reboot/serialize': 'never' } });
    await counter.add(5);
    const done = restart(counter, { timeout: 300 });
    await counter.whenAsked(({ method }) => method === 'reboot/serialize');
    const admin = await adminOf(counter);
    expect(await admin.request('abort')).toMatchObject({ aborted: true });
    expect(await done).toMatchObject({ success: false, outcome: 'aborted' });
    expect(methods(counter)).toEqual(['reboot/suspend', 'reboot/serialize', 'reboot/resume']);
    expect(textOf(await counter.call('suspended'))).toBe('false');
    expect(await counter.add(1)).toBe('6');
  });

  it('keeps the extension and its methods from the client', async () => {
    const counter = await counting({ era });
    await counter.add(1);
    await restart(counter);
    const meta = counter.asked()[0]!.params._meta;
    const discovered =
      era === 'modern'
        ? await counter.client.request('server/discover', { _meta: meta })
        : counter.client.messages[0]!;
    expect(discovered.result?.capabilities).toMatchObject({
      extensions: { 'test.example/other': { kept: '9007199254740993' } },
    });
    const before = counter.asked().length;
    for (const method of [
      'reboot/serialize',
      'reboot/restore',
      'reboot/suspend',
      'reboot/resume',
      'reboot/health',
    ]) {
      const params = {
        reboot_id: null,
        generation: 1,
        state: { count: 99 },
        ...(meta ? { _meta: meta } : {}),
      };
      expect((await counter.client.request(method, params)).error).toMatchObject({ code: -32601 });
    }
    expect(counter.asked()).toHaveLength(before);
    const seen = JSON.stringify(counter.client.messages.filter(({ error }) => !error));
    expect(seen).not.toContain('io.github.mcp-segue/reboot');
    expect(seen).not.toMatch(/"method":"reboot\//);
    counter.client.expectOneAnswerEach();
  });
});

shows(
  'C4',
  'preserve_state false starts from nothing and says so; it is suspended all the same',
  async () => {
    const counter = await counting();
    await counter.add(5);
    const report = await restart(counter, { preserve_state: false });
    expect(report).toMatchObject({ success: true, worker_state: { restored: false } });
    expect(methods(counter)).toEqual(['reboot/suspend']);
    expect(await counter.count()).toBe('0');
  },
);

shows('C4', 'graceful false asks the old worker for nothing, and says what is lost', async () => {
  const counter = await counting();
  await counter.add(5);
  const report = await restart(counter, { graceful: false });
  expect(report).toMatchObject({ success: true, worker_state: { restored: false } });
  expect(report.worker_state!.detail).toMatch(/no state of generation 1/);
  expect(counter.asked()).toEqual([]);
  expect(await counter.count()).toBe('0');
});

it('one that declares nothing is asked for nothing, and the report has nothing to say', async () => {
  const counter = await counting({ declares: false });
  await counter.add(5);
  const report = await restart(counter);
  expect(report).toMatchObject({ success: true });
  expect(report).not.toHaveProperty('worker_state');
  expect(report).not.toHaveProperty('tasks');
  expect(counter.asked()).toEqual([]);
});

it('says so when the new server does not take the state of the old one; the client notices nothing', async () => {
  const { supervisor, connect } = embed({ command: worker('gated') });
  const client = connect();
  await client.initialize();
  const [file, ...args] = worker('echo');
  const options = { command: { file: file!, args, cwd: ROOT } };
  const who = { id: 'test', role: 'operator' } as const;
  expect(await supervisor.control.restart(restartInput.parse({}), who, options)).toMatchObject({
    success: true,
    partial: false,
    worker_state: { restored: false, detail: expect.stringMatching(/^Lost/), age_s: expect.any(Number) },
  });
  expect(textOf(await client.call('echo', { text: 'new' }))).toBe('new');
});

it('hands over by overlap where it declares that', async () => {
  const counter = await counting({ declares: { handover: 'overlap' } });
  await counter.add(5);
  const report = await restart(counter);
  expect(report).toMatchObject({ success: true, worker_state: { restored: true } });
  // Its exit was not waited for: it is watched beside the new one, and seen afterwards.
  expect(report.last_exit).toBeNull();
  await counter.logged(/"generation":1,.*server ended/);
  expect(await counter.count()).toBe('5');
});

it('what cannot be suspended now is named before a reboot', async () => {
  const counter = await counting();
  const prepare = async () => structured(await counter.call('orchestrator_shutdown_prepare'));
  expect(await prepare()).toMatchObject({
    ready_for_shutdown: true,
    checks: { active_tasks: { count: 2, suspendable: 2, unsuspendable: [] } },
  });
  await counter.add(1);
  expect(await prepare()).toMatchObject({
    ready_for_shutdown: false,
    blocking_issues: ['the task odd cannot be suspended now'],
    checks: { active_tasks: { count: 2, suspendable: 1, unsuspendable: ['odd'] } },
  });
});

it('what it says of its health is in the health check', async () => {
  const counter = await counting();
  const health = async () => structured(await counter.call('orchestrator_health_check'));
  expect(await health()).toMatchObject({
    healthy: true,
    checks: { worker: { health: { ok: true, message: 'at 0' } } },
  });
  await counter.add(1000);
  expect(await health()).toMatchObject({ healthy: false, checks: { worker: { health: { ok: false } } } });
});
