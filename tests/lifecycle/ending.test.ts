/** How workers end, and that nothing is left behind when the client or Segue itself goes (F5, F7–F11). */
import { describe, expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { isAlive, killAll } from '../support/processes.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, history, reached, restart, type Served, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const IMPATIENT = { 'timing.stdinEndMs': 100, 'timing.termMs': 100 };

describe('a worker', () => {
  shows(
    'F7 C4',
    'that ignores the end of stdin and SIGTERM is killed, and is gone before the next one starts',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const set = { ...IMPATIENT, 'timing.termMs': 2000 }; // so that it is heard before it is killed
      const segue = serve({ command: worker('ignores-term'), home, env: stage.env, set });
      const { client } = segue;
      await client.initialize();
      const first = await stage.player();
      const order: string[] = [];
      void first.ended.then(() => order.push('ended'));
      const next = stage.player().then(() => order.push('started'));
      expect(await restart(client)).toMatchObject({
        success: true,
        last_exit: { code: null, signal: 'SIGKILL' },
        stderr_tail: expect.stringContaining('SIGTERM ignored'),
      });
      await next;
      expect(order).toEqual(['ended', 'started']);
    },
  );

  shows('C3', 'that heeds the end of stdin is never signalled', async () => {
    const segue = serve({ command: worker('echo') });
    await segue.client.initialize();
    expect((await restart(segue.client)).last_exit).toEqual({ code: 0, signal: null });
  });

  shows('C4', 'is killed at once where nothing is to be waited for', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('tools/call write');
    const segue = serve({ command: worker('echo'), home, env: stage.env });
    const { client } = segue;
    await client.initialize();
    const write = client.call('write');
    await stage.at('tools/call write');
    stage.release('tools/call write');
    const report = await restart(client, { graceful: false });
    expect(report).toMatchObject({ success: true, graceful: false, last_exit: { signal: 'SIGKILL' } });
    expect(report.phases.map(({ name }) => name)).not.toContain('suspend');
    expect((await write).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
    client.expectOneAnswerEach();
  });

  shows('F8', 'takes its grandchildren with it, though they hold its stdout', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('grandchild'), home, env: stage.env });
    await segue.client.initialize();
    const sleeper = await stage.player('sleeper');
    expect(await restart(segue.client)).toMatchObject({ success: true, last_exit: { code: 0 } });
    await sleeper.ended;
    expect(isAlive(sleeper.pid)).toBe(false);
  });

  shows(
    'F9',
    'cannot take one that has left its group: it lives on and holds up nothing (a documented limit)',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const segue = serve({ command: worker('grandchild', 'setsid'), home, env: stage.env });
      await segue.client.initialize();
      const sleeper = await stage.player('sleeper');
      const report = await restart(segue.client);
      expect(report).toMatchObject({ success: true, last_exit: { code: 0 }, errors: [] });
      expect(isAlive(sleeper.pid)).toBe(true);
      segue.stdin.end();
      expect(await segue.exited).toEqual({ code: 0, signal: null });
      expect(isAlive(sleeper.pid)).toBe(true);
      killAll([sleeper.pid]);
    },
  );

  shows(
    'F9 F45',
    'of a run that kept nothing on disk lives on as well when the next one starts',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const command = worker('grandchild', 'setsid');
      const first = serve({ command, home, env: stage.env, args: ['--no-persist', '--name', 'x'] });
      await first.client.initialize();
      const sleeper = await stage.player('sleeper');
      first.stdin.end();
      expect(await first.exited).toEqual({ code: 0, signal: null });
      const next = serve({ command: worker('echo'), home, args: ['--name', 'x'] });
      await next.client.initialize();
      await adminOf(next); // opened after the burial
      expect(isAlive(sleeper.pid)).toBe(true);
      killAll([sleeper.pid]);
    },
  );
});

describe('when the client goes', () => {
  const WAYS = {
    'closes stdin': ({ stdin }: { stdin: NodeJS.WritableStream }) => stdin.end(),
    'sends SIGTERM': ({ kill }: { kill(signal: NodeJS.Signals): void }) => kill('SIGTERM'),
  };
  for (const [way, go] of Object.entries(WAYS)) {
    shows(
      'C3 C4',
      `and ${way}, Segue and all that it started are gone, however stubborn, with exit code 0`,
      async () => {
        for (const fixture of ['grandchild', 'ignores-term']) {
          const home = tempHome();
          const stage = await Stage.open(home);
          const segue = serve({ command: worker(fixture), home, env: stage.env });
          await segue.client.initialize();
          const below = [await stage.player(fixture)];
          if (fixture === 'grandchild') below.push(await stage.player('sleeper'));
          go(segue);
          expect(await segue.exited).toEqual({ code: 0, signal: null });
          expect(below.map(({ pid }) => isAlive(pid))).toEqual(below.map(() => false));
          expect(segue.family()).toEqual([]);
        }
      },
    );
  }

  for (const moment of ['initialize', 'tools/call echo', 'exit']) {
    shows('C4', `in the middle of a reboot (${moment}), nothing is left either`, async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      if (moment !== 'initialize') stage.hold(moment);
      const segue = serve({ command: worker('gated'), home, env: stage.env });
      const { client } = segue;
      await client.initialize();
      stage.hold(moment);
      const answers: Promise<unknown>[] = [];
      if (moment === 'tools/call echo') answers.push(client.call('echo'));
      answers.push(client.call('orchestrator_restart_server'));
      for (const answer of answers) answer.catch(() => {}); // the output ends
      await stage.at(moment);
      segue.stdin.end();
      expect(await segue.exited).toEqual({ code: 0, signal: null });
      expect(segue.family()).toEqual([]);
    });
  }
});

describe('when Segue itself is killed', () => {
  /** The gate at which the old worker (generation 1), or the new one, is held when Segue is killed. */
  const MOMENTS: Record<string, { gate?: string; generation?: number; abandoned: object[] }> = {
    'while its worker serves': { abandoned: [] },
    'in suspend': { gate: 'tools/call work', generation: 1, abandoned: [{ phase: 'suspend' }] },
    'in close': { gate: 'exit', generation: 1, abandoned: [{ phase: 'close' }] },
    'in spawn': { gate: 'initialize', generation: 2, abandoned: [{ phase: 'spawn' }] },
    'in reconnect': { gate: 'tools/list', generation: 2, abandoned: [{ phase: 'reconnect' }] },
  };
  for (const [moment, { gate, generation, abandoned }] of Object.entries(MOMENTS)) {
    shows(
      'F5 F11',
      `${moment}, the next start ends what is left, and calls its reboot abandoned`,
      async () => {
        const home = tempHome();
        const stage = await Stage.open(home);
        stage.hold('exit', 'tools/call work'); // so that it outlives the end of its stdin
        const options = { command: worker('gated'), home, env: stage.env, set: { 'timing.drainMs': 60_000 } };
        const first = serve(options);
        const { client } = first;
        await client.initialize();
        await adminOf(first);
        await client.call('echo', { text: 'its tools were read' });
        const calls: Promise<unknown>[] = [];
        if (gate !== undefined) {
          if (generation === 2) stage.hold(gate);
          if (gate === 'tools/call work') calls.push(client.call('work'));
          calls.push(client.call('orchestrator_restart_server', { timeout: 300 }));
          for (const call of calls) call.catch(() => {}); // the output ends
          if (generation === 2) (await stage.at('exit')).go();
          await stage.at(gate);
          if (gate === 'tools/call work') await reached(first, 'alive.preparing.suspend');
        }
        await client.request('ping'); // the transition into this moment was committed before
        first.kill('SIGKILL');
        await first.exited;
        if (gate !== 'exit') await stage.at('exit'); // it has seen the end of its stdin, and stays
        const orphans = first.family();
        expect(orphans).toHaveLength(1);
        stage.release('exit', 'initialize', 'tools/list', 'tools/call work');
        const next = serve(options);
        await next.client.initialize();
        const burial = JSON.parse(await next.logged(/an earlier supervisor of this name died/));
        expect(burial.orphansEnded).toEqual(orphans);
        expect(orphans.map(isAlive)).toEqual([false]);
        expect(textOf(await next.client.call('echo', { text: 'served' }))).toBe('served');
        expect(await history(next.client)).toMatchObject(
          abandoned.map((report) => ({ outcome: 'abandoned', success: false, ...report })),
        );
        next.client.expectOneAnswerEach();
      },
    );
  }

  shows('F10 F11', 'nobody else is: not another instance of the name, nor its worker', async () => {
    const home = tempHome();
    const options = { command: worker('ignores-term'), home };
    const open = async (): Promise<Served> => {
      const segue = serve(options);
      await segue.client.initialize();
      await adminOf(segue);
      return segue;
    };
    const [dead, alive] = [await open(), await open()];
    const family = alive.family();
    dead.kill('SIGKILL');
    await dead.exited;
    const next = await open();
    const burial = JSON.parse(await next.logged(/an earlier supervisor of this name died/));
    expect(burial.instances).toHaveLength(1);
    expect(burial.orphansEnded).toHaveLength(1);
    const gone = family.filter((pid) => !isAlive(pid));
    expect(new Set(gone)).toEqual(new Set([...burial.orphansEnded, dead.pid]));
    expect(textOf(await alive.client.call('echo'))).toBe('here');
  });
});
