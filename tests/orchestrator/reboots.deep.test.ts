/** What reboots and deaths do to tasks whose commands run, as a client sees it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src/config.ts';
import {
  type PrepareReport,
  type RestartReport,
  restartInput,
  type StatusReport,
} from '../../src/control/schemas.ts';
import { worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { adminOf, reached, started, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { ERAS, type Era, idsOf, reaches, scene } from './served.ts';

/** Two commands that run, one of them not to be run twice, and a step behind each. */
const PLAN = {
  title: 'Ship it',
  subtasks: [
    { key: 'build', title: 'build', recipe: 'again' },
    { key: 'upload', title: 'upload', recipe: 'once' },
    { key: 'check', title: 'check', recipe: 'again', depends_on: ['build'] },
    { key: 'announce', title: 'announce', recipe: 'once', depends_on: ['upload'] },
  ],
};
/** Commands are cut off soon. */
const config = { timing: { drainMs: 1_500 } };

async function underWay(era: Era, settings: ConfigInput = config) {
  const directed = await scene();
  directed.stage.hold('end build', 'end upload');
  const segue = await directed.start({ era, config: settings });
  const plan = await segue.tool('plan_task', PLAN);
  const root = plan.task.task_id;
  await segue.tool('execute_task', { task_id: root });
  const commands = [await directed.stage.at('end build'), await directed.stage.at('end upload')];
  const pids = commands.map(({ player }) => player.pid);
  return { ...directed, segue, ids: idsOf(plan), root, commands, pids };
}

const names = (done: { title: string }[]) => done.map(({ title }) => title);

describe.each(ERAS)('in the %s era', (era) => {
  shows(
    'B3 A3 H1',
    'a reboot cuts commands off: one goes on by itself, one waits and says what to do',
    async () => {
      const { segue, stage, ids, root, pids, done } = await underWay(era);
      const { call, tool, state, client } = segue;
      const prepared = structured<PrepareReport>(await call('orchestrator_shutdown_prepare'));
      expect(prepared).toMatchObject({
        ready_for_shutdown: false,
        blocking_issues: [`the task ${ids.upload} cannot be suspended now`],
        checks: { active_tasks: { count: 2, suspendable: 1, unsuspendable: [ids.upload] } },
      });

      stage.release('end build', 'end upload');
      const report = structured<RestartReport>(await call('orchestrator_restart_server'));
      expect(report).toMatchObject({ success: true, errors: [], tasks: { kept: 2, resumed: 1, error: 1 } });
      expect(report.tasks!.suspended.sort((a, b) => a.state.localeCompare(b.state))).toEqual([
        { id: ids.upload, state: 'suspended.error' },
        { id: ids.build, state: 'suspended.safe' },
      ]);
      expect(pids.filter(isAlive)).toEqual([]);

      const [waiting] = (await tool('get_status')).waiting;
      expect(waiting).toMatchObject({ task_id: ids.upload, error: 'its command was ended for a reboot' });
      expect(waiting!.advice).toContain(`{"task_id": "${ids.upload}", "resume": true}`);
      // Nobody has asked: what is safe goes on, and what comes behind it.
      const settled = await tool('execute_task', { task_id: root, wait: true });
      expect(settled).toMatchObject({ task: { state: 'suspended.error', progress: 50 }, recipes: [] });
      expect(settled.waiting).toMatchObject([{ task_id: ids.upload }]);
      expect(names(done()).filter((title) => title === 'upload')).toHaveLength(1);

      const resumed = await tool('execute_task', { task_id: root, resume: true, wait: true });
      expect(resumed.task).toMatchObject({ task_id: root, state: 'completed', progress: 100 });
      expect(await state(ids.upload!)).toBe('completed');
      expect(names(done()).sort()).toEqual(['announce', 'build', 'build', 'check', 'upload', 'upload']);
      client.expectOneAnswerEach();
    },
  );

  shows('A3', 'after a kill of its process the tasks go on without anybody asking', async () => {
    const { segue, stage, ids, root, pids, done } = await underWay(era);
    const { tool, client } = segue;
    const first = await started(segue);
    stage.release('end build', 'end upload').hold('begin check');
    process.kill(first, 'SIGKILL');
    await stage.at('begin check'); // build was done again, and nothing was said to Segue meanwhile
    expect(pids.filter(isAlive)).toEqual([]);
    const { task, waiting } = await tool('get_status', { task_id: root });
    expect(task).toMatchObject({ task_id: root, state: 'running', progress: 25 });
    expect(waiting).toMatchObject([
      { task_id: ids.upload, error: 'its command was running when its orchestrator died' },
    ]);
    expect(names(done()).filter((title) => title === 'upload')).toHaveLength(1);
    const { history } = structured<StatusReport>(
      await segue.call('orchestrator_restart_status', { include_history: true }),
    );
    expect(history!.recent_restarts[0]).toMatchObject({
      ...{ trigger: 'crash', worker_state: { restored: true, detail: 'The server keeps its state itself.' } },
      tasks: { error: 1 },
    });
    client.expectOneAnswerEach();
  });

  shows('B3 B7', 'a reboot that is taken back leaves the tasks where they are', async () => {
    const { segue, stage, root, commands, done } = await underWay(era, {});
    stage.release('end build', 'end upload');
    const admin = await adminOf(segue);
    const restart = segue.call('orchestrator_restart_server');
    await reached(segue, 'alive.preparing.suspend');
    expect(await admin.request('abort')).toMatchObject({ aborted: true });
    expect(structured(await restart)).toMatchObject({ success: false, outcome: 'aborted' });
    expect(commands.map(({ player }) => isAlive(player.pid))).toEqual([true, true]);
    for (const command of commands) command.go();
    const settled = await segue.tool('execute_task', { task_id: root, wait: true });
    expect(settled.task).toMatchObject({ state: 'completed' });
    expect(names(done()).sort()).toEqual(['announce', 'build', 'check', 'upload']);
    expect((await segue.tool('plan_task', { title: 'more' })).task.state).toBe('ready');
    segue.client.expectOneAnswerEach();
  });
});

shows(
  'A3',
  'a client that starts Segue anew finds its tasks going on, and their commands ended once',
  async () => {
    const { segue, stage, ids, root, pids, start, done } = await underWay('legacy');
    stage.release('end build', 'end upload').hold('begin check');
    segue.kill('SIGKILL');
    await segue.exited;
    const next = await start();
    const check = await stage.at('begin check');
    expect(pids.filter(isAlive)).toEqual([]);
    expect((await next.tool('get_status', { task_id: root })).waiting).toMatchObject([
      { task_id: ids.upload },
    ]);
    check.go();
    const uploaded = await next.tool('complete_task', {
      ...{ task_id: ids.upload, result: 'I looked: it is there', wait: true },
    });
    expect(uploaded.unlocked.map(({ key }) => key)).toEqual(['announce']);
    expect(names(done()).filter((title) => title === 'upload')).toHaveLength(1);
  },
);

shows(
  'A3',
  'two orchestrators of one name: a task is driven by one, seen by both, taken over when one dies',
  async () => {
    const { segue, stage, ids, root, start, done } = await underWay('legacy');
    const other = await start();
    expect(await other.state(root)).toBe('running');
    stage.release('end build', 'end upload');
    segue.kill('SIGKILL');
    expect(await reaches(other, root, 'suspended.error')).toBe('suspended.error');
    expect((await other.tool('get_status', { task_id: root })).waiting).toMatchObject([
      { task_id: ids.upload },
    ]);
    expect(names(done()).sort()).toEqual(['build', 'build', 'check', 'upload']);
  },
);

function environmentOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
}

shows('F60 F61', 'nothing secret is on a command line or reaches a recipe', async () => {
  const { stage, start } = await scene();
  const key = 'ab'.repeat(32);
  stage.hold('begin once');
  const segue = await start({ env: { SEGUE_KEY: key } });
  const { task } = await segue.tool('plan_task', { title: 'once', recipe: 'once' });
  await segue.tool('execute_task', { task_id: task.task_id });
  const { player } = await stage.at('begin once');
  const server = await started(segue);
  for (const pid of [segue.pid, server, player.pid])
    expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).not.toContain(key);
  expect(environmentOf(server)).toContain(`SEGUE_KEY=${key}`);
  const names = environmentOf(player.pid).map((entry) => entry.split('=')[0]!);
  expect(names.filter((name) => name !== '').sort()).toEqual([
    'PATH',
    ...['SEGUE_RECIPE', 'SEGUE_SUPERVISOR', 'SEGUE_WORKER'], // marks, by which it is found when it is an orphan
    'STAGE',
  ]);
});

it('a client that goes leaves no command behind, nor does one that kills Segue and comes back', async () => {
  const { segue, commands, start, stage } = await underWay('legacy');
  segue.stdin.end();
  await segue.exited;
  await Promise.all(commands.map(({ player }) => player.ended));
  const next = await start({ config });
  const again = await stage.at('end build');
  next.kill('SIGKILL');
  await again.player.ended;
});

it('one who only looks leaves no trace, and starts nothing', async () => {
  const { home, start } = await scene();
  const segue = await start({ era: 'modern' });
  const { result } = await segue.request('server/discover');
  expect(result).toMatchObject({ supportedVersions: ['2026-07-28'] });
  segue.stdin.end();
  expect(await segue.exited).toMatchObject({ code: 0 });
  expect(readdirSync(join(home, 'state'))).toEqual([]);
});

it('a command that comes in its place gets nothing of the orchestrator’s', async () => {
  const { home, start } = await scene();
  const segue = await start({ env: { SEGUE_KEY: 'ab'.repeat(32) } });
  const admin = await adminOf(segue);
  await started(segue);
  const [file, ...args] = worker('echo');
  await admin.request('restart', { ...restartInput.parse({}), command: [file, ...args], cwd: home });
  const names = environmentOf(await started(segue)).map((entry) => entry.split('=')[0]!);
  expect(names.filter((name) => name.startsWith('SEGUE_'))).toEqual(['SEGUE_WORKER', 'SEGUE_SUPERVISOR']);
});
