/** A server that says it helps and does not: refuses, answers nonsense, or never answers. It costs no more than it must. */
import { describe, expect, it } from 'vitest';
import { restartInput } from '../../src/control/schemas.ts';
import { embed } from '../lifecycle/embedded.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, history, restart, serve, status, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { counting } from './counting.ts';

const methods = (asked: { method: string }[]) => asked.map(({ method }) => method);

describe('suspend', () => {
  it.each(['error', 'garbage', 'never'])('%s: the reboot goes on, and says so', async (fault) => {
    const set = fault === 'never' ? { 'timing.drainMs': 300 } : {}; // an answer may take its time
    const counter = await counting({ set, faults: { 'reboot/suspend': fault } });
    await counter.add(5);
    const report = await restart(counter.client);
    expect(report).toMatchObject({
      success: true,
      worker_state: { restored: true },
      errors: [{ phase: 'suspend', code: fault === 'never' ? 'TIMEOUT_EXCEEDED' : 'PROCESS_FAILED' }],
    });
    expect(report.errors[0]!.message).toMatch(/reboot\/suspend/);
    expect(await counter.count()).toBe('5');
    counter.client.expectOneAnswerEach();
  });
});

describe('serialize', () => {
  it.each(['error', 'garbage'])('%s: the reboot is taken back, nothing is lost', async (fault) => {
    const counter = await counting({ faults: { 'reboot/serialize': fault } });
    await counter.add(5);
    const report = await restart(counter.client);
    expect(report).toMatchObject({
      success: false,
      outcome: 'failed',
      errors: [{ phase: 'serialize', code: 'PROCESS_FAILED' }],
    });
    expect(methods(counter.asked())).toEqual(['reboot/suspend', 'reboot/serialize', 'reboot/resume']);
    expect(await counter.add(1)).toBe('6');
    // Told to do without, Segue does.
    expect(await restart(counter.client, { preserve_state: false })).toMatchObject({ success: true });
    expect(await counter.count()).toBe('0');
    counter.client.expectOneAnswerEach();
  });

  it('longer than a line may be: the same, and no checkpoint is tried again', async () => {
    const counter = await counting({
      set: { 'limits.maxLineBytes': 65_536 },
      faults: { 'reboot/serialize': 'huge' },
      declares: { checkpoint_interval_ms: 20 },
    });
    await counter.logged(
      /checkpoints have ended.*limits\.maxLineBytes|limits\.maxLineBytes.*checkpoints have ended/,
    );
    await counter.add(5);
    const report = await restart(counter.client);
    expect(report).toMatchObject({
      success: false,
      outcome: 'failed',
      errors: [{ phase: 'serialize', code: 'MESSAGE_TOO_LARGE' }],
    });
    expect(await counter.add(1)).toBe('6');
    const { current_status } = await status(counter.client);
    expect(current_status).toMatchObject({ state: 'alive.idle', generation: 1 });
    counter.client.expectOneAnswerEach();
  });

  it('late, when the reboot was taken back: what it says is not kept', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('gated'), home, env: stage.env });
    await segue.client.initialize();
    const { pid } = await stage.player();
    stage.hold('reboot/serialize');
    const rebooting = restart(segue.client);
    const late = await stage.at('reboot/serialize');
    await (await adminOf(segue)).request('abort');
    expect(await rebooting).toMatchObject({ outcome: 'aborted' });
    late.go();
    expect(textOf(await segue.client.call('state'))).toBe('{"from":1}'); // behind that answer
    process.kill(pid, 'SIGKILL');
    const after = await stage.player();
    expect(textOf(await segue.client.call('state'))).toBe(`{"from":${after.generation}}`);
    const [crash] = await history(segue.client);
    expect(crash).toMatchObject({ trigger: 'crash', success: true, worker_state: { restored: false } });
  });

  it('never: the same at the deadline', async () => {
    const env = { FAULTS: JSON.stringify({ 'reboot/serialize': 'never' }) };
    const { supervisor, connect } = embed({ command: worker('counter'), env });
    const client = connect();
    await client.initialize();
    await client.call('add', { by: 5 });
    const input = { ...restartInput.parse({}), timeout: 2 };
    expect(await supervisor.control.restart(input, { id: 'test', role: 'operator' })).toMatchObject({
      success: false,
      outcome: 'failed',
      errors: [
        {
          phase: 'serialize',
          code: 'TIMEOUT_EXCEEDED',
          message: expect.stringContaining('reboot/serialize'),
        },
      ],
    });
    expect(textOf(await client.call('add'))).toBe('6');
    expect(textOf(await client.call('suspended'))).toBe('false');
  });
});

describe('restore', () => {
  shows(
    'C4',
    'refused or answered with nonsense: that process is killed, the next one gets the state',
    async () => {
      for (const fault of ['error@2', 'garbage@2']) {
        const counter = await counting({ faults: { 'reboot/restore': fault } });
        await counter.add(5);
        const report = await restart(counter.client);
        expect(report).toMatchObject({
          success: true,
          worker_state: { restored: true },
          errors: [{ phase: 'restore', code: 'PROCESS_FAILED' }],
        });
        const restores = counter.asked().filter(({ method }) => method === 'reboot/restore');
        expect(restores.map(({ generation }) => generation)).toEqual([2, 3]);
        expect(await counter.count()).toBe('5');
        counter.client.expectOneAnswerEach();
      }
    },
  );

  it('never: the same after its time', async () => {
    const counter = await counting({ faults: { 'reboot/restore': 'never@2' } });
    await counter.add(5);
    expect(await restart(counter.client)).toMatchObject({
      success: true,
      worker_state: { restored: true },
      errors: [{ phase: 'restore', code: 'TIMEOUT_EXCEEDED' }],
    });
    expect(await counter.count()).toBe('5');
  });
});

it('resume refused: the reboot is taken back all the same, and the report says it', async () => {
  const counter = await counting({ faults: { 'reboot/serialize': 'error', 'reboot/resume': 'error' } });
  await counter.add(5);
  const report = await restart(counter.client);
  expect(report.errors.map(({ phase }) => phase)).toEqual(['serialize', 'undo']);
  expect(await counter.add(1)).toBe('6');
});

it('health: no sound answer is no good health', async () => {
  const counter = await counting({ faults: { 'reboot/health': 'garbage' } });
  const health = structured(await counter.call('orchestrator_health_check'));
  expect(health).toMatchObject({
    healthy: false,
    checks: { worker: { alive: true, health: { ok: false } } },
  });
});
