/** Calls on their way while the worker is replaced, politely or not (F2, F3, F40). */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { type Message, type RawClient, textOf } from '../support/raw-client.ts';
import { history, reached, restart, type Served, serve, started } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { waitForFile } from '../support/wait.ts';

const OFTEN = { 'limits.restartsPerMinute': 1000 };

/** Keeps `width` calls of `tool` in flight until `stop` is called; resolves with all answers. */
function traffic(client: RawClient, tool: string, width: number, args: (call: string) => object) {
  let stopped = false;
  let calls = 0;
  const lane = async (): Promise<Message[]> => {
    const answers: Message[] = [];
    while (!stopped) answers.push(await client.call(tool, { ...args(`call ${++calls}`) }));
    return answers;
  };
  const lanes = Promise.all(Array.from({ length: width }, lane));
  return {
    async stop(): Promise<Message[]> {
      stopped = true;
      return (await lanes).flat();
    },
  };
}

function expectEachOnce({ client, executions }: Served, answers: readonly Message[]): void {
  client.expectOneAnswerEach();
  expect(answers.filter(({ error, result }) => error || result?.isError)).toEqual([]);
  const done = executions().map(({ call }) => call);
  expect(done).toHaveLength(answers.length);
  expect(new Set(done).size).toBe(answers.length);
}

/** What a client has set up at its server before the first reboot. */
async function subscribe({ client }: Served): Promise<void> {
  await client.initialize();
  await client.request('tools/list');
  await client.request('resources/subscribe', { uri: 'test://note' });
  await client.request('logging/setLevel', { level: 'warning' });
}

async function expectStillLive({ client }: Served): Promise<void> {
  const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
  expect(tools.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['write', 'orchestrator_restart_server']),
  );
  const updates = () =>
    client.messages.filter(({ method }) => method === 'notifications/resources/updated').length;
  const before = updates();
  expect(textOf(await client.call('touch_note'))).toBe('test://note');
  expect(updates()).toBe(before + 1);
  expect(textOf(await client.call('log_level'))).toBe('warning');
  expect(client.messages.filter(({ method }) => method?.endsWith('list_changed'))).toEqual([]);
}

describe('graceful reboots', () => {
  shows(
    'F2 D3 D4 G3',
    'under 16 calls in flight, 20 times: each answered once, none failed, none done twice',
    async () => {
      const segue = serve({ command: worker('echo'), set: OFTEN });
      await subscribe(segue);
      const calls = traffic(segue.client, 'slow_write', 16, (call) => ({ call, ms: 10 }));
      for (let reboot = 1; reboot <= 20; reboot++) {
        const report = await restart(segue.client);
        expect(report).toMatchObject({ success: true, requests: { failed: 0, repeated: 0, expired: 0 } });
      }
      const answers = await calls.stop();
      expectEachOnce(segue, answers);
      expect(new Set(segue.executions().map(({ generation }) => generation)).size).toBeGreaterThanOrEqual(20);
      await expectStillLive(segue);
    },
  );

  shows(
    'F2 D3',
    'under calls of 2 s, with the settings that come by default: the drain waits for them',
    async () => {
      const segue = serve({ command: worker('echo') });
      await subscribe(segue);
      const calls = traffic(segue.client, 'slow_write', 4, (call) => ({ call, ms: 2000 }));
      const reports = [await restart(segue.client), await restart(segue.client)];
      expectEachOnce(segue, await calls.stop());
      expect(reports).toMatchObject([{ success: true }, { success: true }]);
      expect(reports.reduce((sum, { requests }) => sum + requests.drained, 0)).toBeGreaterThanOrEqual(4);
      await expectStillLive(segue);
    },
  );

  shows(
    'F40 B5',
    'end a drain that would never end: what is safe is repeated, the rest is told so',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      stage.hold('tools/call put', 'tools/call write');
      const segue = serve({ command: worker('echo'), home, env: stage.env, set: { 'timing.drainMs': 300 } });
      const { client } = segue;
      await client.initialize();
      await client.call('echo'); // the tools are read by now
      const put = client.call('put', { call: 'safe' });
      const write = client.call('write', { call: 'unsafe' });
      await stage.at('tools/call put');
      await stage.at('tools/call write');
      stage.release('tools/call put', 'tools/call write');
      const report = await restart(client, { timeout: 300 });
      expect(report).toMatchObject({ success: true, requests: { drained: 0, repeated: 1, failed: 1 } });
      expect(report.duration_ms).toBeLessThan(60_000);
      expect(textOf(await put)).toBe('put safe');
      expect((await write).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN', tool: 'write' } });
      expect(segue.executions().slice(1)).toMatchObject([{ call: 'safe', generation: 2 }]);
      client.expectOneAnswerEach();
    },
  );
});

describe('a worker that is killed', () => {
  shows(
    'F2',
    'with calls in flight: what is declared safe is repeated, the rest is told that the outcome is unknown',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      stage.hold('tools/call slow', 'tools/call put', 'tools/call slow_write');
      const { client, ...segue } = serve({ command: worker('echo'), home, env: stage.env });
      await client.initialize();
      await client.call('echo');
      const pid = await started(segue as Served);
      const safe = [...Array(6).keys()].map((n) => client.call(n < 3 ? 'slow' : 'put', { call: n }));
      const unsafe = [...Array(6).keys()].map((n) => client.call('slow_write', { call: `w${n}` }));
      for (let n = 0; n < 3; n++) await stage.at('tools/call slow');
      for (let n = 0; n < 3; n++) await stage.at('tools/call put');
      for (let n = 0; n < 6; n++) await stage.at('tools/call slow_write');
      stage.release('tools/call slow', 'tools/call put', 'tools/call slow_write');
      process.kill(pid, 'SIGKILL');
      expect((await Promise.all(safe)).map(textOf)).toEqual([
        'done',
        'done',
        'done',
        'put 3',
        'put 4',
        'put 5',
      ]);
      for (const { error } of await Promise.all(unsafe)) {
        expect(error).toMatchObject({ code: -32010, data: { code: 'OUTCOME_UNKNOWN', retryable: false } });
        expect(error!.message).toMatch(/outcome is unknown.*Check the result before/);
      }
      client.expectOneAnswerEach();
      expect(segue.executions().filter(({ tool }) => tool === 'slow_write')).toEqual([]);
      const [report] = await history(client);
      expect(report).toMatchObject({
        trigger: 'crash',
        success: true,
        last_exit: { code: null, signal: 'SIGKILL' },
        requests: { repeated: 6, failed: 6 },
      });
    },
  );

  shows(
    'F2',
    'in the middle of an execution: never done twice unless that is declared to be safe',
    async () => {
      const home = tempHome();
      const env = { CRASHES: join(home, 'crashes'), CRASH_LIMIT: '1' };
      const segue = serve({ command: worker('crash-on-call'), home, env });
      const { client } = segue;
      await client.initialize();
      await client.call('echo');
      const call = (tool: string) => {
        rmSync(env.CRASHES, { force: true }); // once for each
        return client.call(tool, { call: tool });
      };
      expect(textOf(await call('crash_read'))).toBe('survived');
      expect(textOf(await call('crash_put'))).toBe('survived');
      const { error } = await call('crash_write');
      expect(error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN', tool: 'crash_write' } });
      expect(textOf(await client.call('echo', { text: 'back' }))).toBe('back');
      const times = (call: string) => segue.executions().filter((row) => row.call === call).length;
      expect(['crash_read', 'crash_put', 'crash_write'].map(times)).toEqual([2, 2, 1]);
      client.expectOneAnswerEach();
    },
  );

  shows(
    'F2',
    'again and again under 16 calls: nothing hangs, nothing that is unsafe is done twice',
    async () => {
      const segue = serve({ command: worker('echo'), set: { 'timing.crashLimit': 100 } });
      const { client, home } = segue;
      await client.initialize();
      await client.call('echo');
      const reads = traffic(client, 'slow', 8, (call) => ({ call, ms: 5 }));
      const writes = traffic(client, 'slow_write', 8, (call) => ({ call, ms: 5 }));
      for (let kill = 0; kill < 6; kill++) {
        const pid = await started(segue);
        const more = segue.executions().length + 100;
        await waitForFile(join(home, 'executions'), (text) => text.split('\n').length > more);
        process.kill(pid, 'SIGKILL');
      }
      const read = await reads.stop();
      const written = await writes.stop();
      client.expectOneAnswerEach();
      expect(read.filter(({ error }) => error)).toEqual([]);
      const unknown = written.filter(({ error }) => error);
      expect(new Set(unknown.map(({ error }) => error!.data!.code))).toEqual(new Set(['OUTCOME_UNKNOWN']));
      const done = segue
        .executions()
        .filter(({ tool }) => tool === 'slow_write')
        .map(({ call }) => call);
      expect(done.length).toBe(new Set(done).size);
      expect(done.length).toBeGreaterThanOrEqual(written.length - unknown.length);
    },
  );

  shows(
    'F2',
    'before it was sent a call: that call is kept for the next one, be it safe or not',
    async () => {
      const segue = serve({ command: worker('not-reading') });
      const { client } = segue;
      await client.initialize();
      await client.call('deaf');
      const large = client.call('echo', { text: 'x'.repeat(4 << 20) });
      const behind = client.call('deaf', { call: 'behind' });
      await client.request('resources/list'); // ours to answer, and behind both: they are with Segue now
      process.kill(await started(segue), 'SIGKILL');
      expect(textOf(await large)).toBe(String(4 << 20));
      expect(textOf(await behind)).toBe('deaf now');
      expect(segue.executions().filter(({ call }) => call === 'behind')).toMatchObject([{ generation: 2 }]);
      client.expectOneAnswerEach();
    },
  );

  shows('F3', 'while it is drained or stopped counts as stopped: the reboot goes on', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call work', 'exit');
    const segue = serve({ command: worker('gated'), home, env: stage.env });
    const { client } = segue;
    await client.initialize();
    await client.call('echo', { text: 'x' });
    const work = client.call('work');
    await stage.at('tools/call work');
    const first = restart(client);
    await reached(segue, 'alive.preparing.suspend');
    process.kill(await started(segue), 'SIGKILL');
    expect((await work).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
    expect(await first).toMatchObject({ success: true, last_exit: { signal: 'SIGKILL' } });
    const second = restart(client);
    await stage.at('exit');
    process.kill(await started(segue), 'SIGKILL');
    expect(await second).toMatchObject({ success: true, last_exit: { signal: 'SIGKILL' }, errors: [] });
    expect(textOf(await client.call('echo', { text: 'third' }))).toBe('third');
    expect((await history(client)).map(({ trigger }) => trigger)).toEqual(['request', 'request']);
    client.expectOneAnswerEach();
  });
});
