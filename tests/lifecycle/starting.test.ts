/** A worker that cannot be started, or not at the first try (F1, F4, F13, F15). */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { isAlive } from '../support/processes.ts';
import { type Json, type RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, history, reached, restart, serve, started, status } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

const SOON = { 'timing.backoffBaseMs': 20 };
const OURS = ['restart_server', 'health_check', 'shutdown_prepare', 'reconnect_test', 'restart_status'].map(
  (name) => `orchestrator_${name}`,
);

/** A server file that is this fixture, until the next deployment. */
function deploy(home: string, fixture: string): string[] {
  const file = join(home, 'server.mjs');
  writeFileSync(file, `import ${JSON.stringify(join(ROOT, `tests/fixtures/workers/${fixture}.mjs`))};\n`);
  return [process.execPath, file];
}

const lines = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);

async function toolNames(client: RawClient): Promise<string[]> {
  const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

const listChanges = (client: RawClient) =>
  client.messages.filter(({ method }) => method === 'notifications/tools/list_changed').length;

const causes = (report: RestartReport) => report.errors.map(({ message }) => message).join('\n');

describe('a start that fails by accident is tried again', () => {
  shows('F1', 'the first one, killed three times in its handshake: the client only waits', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('initialize');
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: SOON });
    const hello = segue.client.initialize();
    for (let kill = 0; kill < 3; kill++) {
      const { player } = await stage.at('initialize');
      process.kill(player.pid, 'SIGKILL');
    }
    stage.release('initialize');
    expect((await hello).result).toMatchObject({ serverInfo: { name: 'echo' } });
    expect(textOf(await segue.client.call('echo', { text: 'fourth' }))).toBe('fourth');
    segue.client.expectOneAnswerEach();
  });

  shows(
    'F1 C1',
    'that of a restart, killed while spawning and in its handshake: the report names it',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const segue = serve({ command: worker('echo'), home, env: stage.env, set: SOON });
      const { client } = segue;
      await client.initialize();
      await started(segue);
      stage.hold('initialize');
      const answer = restart(client);
      process.kill(await started(segue), 'SIGKILL');
      const { player } = await stage.at('initialize');
      const held = client.call('echo', { text: 'waited' });
      process.kill(player.pid, 'SIGKILL');
      stage.release('initialize');
      (await stage.at('initialize')).go();
      const report = await answer;
      expect(report).toMatchObject({ success: true, outcome: 'completed', rolled_back: false });
      expect(causes(report)).toContain(
        'the new server was ended by SIGKILL before its handshake was through',
      );
      expect(textOf(await held)).toBe('waited');
      expect((await status(client)).current_status).toMatchObject({ state: 'alive.idle', generation: 4 });
      client.expectOneAnswerEach();
    },
  );

  shows('F1', 'one own exit in the handshake is no verdict', async () => {
    const home = tempHome();
    const env = { STARTS: join(home, 'starts') };
    const { client } = serve({ command: worker('dies-in-handshake', '1'), home, env, set: SOON });
    expect((await client.initialize()).result).toMatchObject({ serverInfo: { name: 'dies-in-handshake' } });
    expect(lines(env.STARTS)).toHaveLength(2);
    client.expectOneAnswerEach();
  });
});

describe('a start that cannot succeed', () => {
  for (const fixture of ['exits-at-start', 'dies-in-handshake']) {
    shows('F1 C2', `${fixture}: the same own exit twice is enough; the client is answered`, async () => {
      const home = tempHome();
      const env = { STARTS: join(home, 'starts') };
      const command = fixture === 'exits-at-start' ? worker(fixture, '5') : worker(fixture, '99', '5');
      const segue = serve({ command, home, env, set: SOON });
      const { client } = segue;
      const hello = await client.initialize();
      expect(hello.result).toMatchObject({ serverInfo: { name: 'segue' }, protocolVersion: '2025-11-25' });
      expect((hello.result as { instructions: string }).instructions).toContain('exited with code 5');
      expect(await toolNames(client)).toEqual(OURS);
      expect((await client.call('echo')).error).toMatchObject({ data: { code: 'SYSTEM_NOT_READY' } });
      expect((await status(client)).current_status).toMatchObject({ state: 'failed', traffic: 'refusing' });
      expect(lines(env.STARTS)).toHaveLength(2);
      const [report] = await history(client);
      expect(report).toMatchObject({ trigger: 'start', success: false, last_exit: { code: 5 } });
      expect(report!.stderr_tail).toMatch(/a dependency is missing|no handshake with me/);
      client.expectOneAnswerEach();
    });
  }

  shows(
    'F4 C2 B7',
    'of a restart: named cause, `failed`, nobody hangs; a restart by hand brings it back',
    async () => {
      const home = tempHome();
      const env = { STARTS: join(home, 'starts') };
      const segue = serve({ command: deploy(home, 'echo'), home, env, set: SOON });
      const { client } = segue;
      await client.initialize();
      expect(await toolNames(client)).toContain('write');
      deploy(home, 'exits-at-start');
      const held = reached(segue, 'alive.preparing.suspend').then(() => client.call('echo', { text: 'x' }));
      const report = await restart(client);
      expect(report).toMatchObject({ success: false, outcome: 'failed', rolled_back: false });
      expect(report.message).toContain('exited with code 1');
      expect(report.stderr_tail).toContain('a dependency is missing');
      expect((await held).error).toMatchObject({ data: { code: 'SYSTEM_NOT_READY' } });
      expect((await client.call('write')).error?.message).toContain('exited with code 1');
      expect(lines(env.STARTS)).toHaveLength(2);
      deploy(home, 'echo');
      expect(await restart(client)).toMatchObject({ success: true });
      expect(textOf(await client.call('echo', { text: 'back' }))).toBe('back');
      client.expectOneAnswerEach();
    },
  );

  shows(
    'F4',
    'of a new command: the old one is back, the client saw a pause, the history says why',
    async () => {
      const home = tempHome();
      const segue = serve({ command: worker('echo'), home, set: SOON });
      const { client } = segue;
      await client.initialize();
      const admin = await adminOf(segue);
      const reboot = admin.request('restart', { command: worker('exits-at-start', '7') });
      await reached(segue, 'stopping.close');
      expect(textOf(await client.call('echo', { text: 'only a pause' }))).toBe('only a pause');
      expect(await reboot).toMatchObject({ success: false, outcome: 'rolled_back', rolled_back: true });
      const [report] = await history(client);
      expect(report).toMatchObject({ rolled_back: true, requested_by: 'admin socket', partial: false });
      expect(report!.message).toContain('the last good one runs again');
      expect(causes(report!)).toContain('exited with code 7');
      const { command } = await admin.request('info');
      expect(command.at(-1)).toMatch(/echo\.mjs$/);
      expect(listChanges(client)).toBe(0);
      client.expectOneAnswerEach();
    },
  );

  shows(
    'F13 C1',
    'because it never answers: killed at the deadline, counted, the client is answered',
    async () => {
      const set = { ...SOON, 'timing.openingMs': 200, 'timing.maxAttempts': 2 };
      const segue = serve({ command: worker('never-answers'), set });
      const { client } = segue;
      const hello = await client.initialize();
      expect((hello.result as { instructions: string }).instructions).toContain(
        'did not answer its client within',
      );
      const { current_status } = await status(client);
      expect(current_status).toMatchObject({ state: 'failed', attempt: 2, generation: 2 });
      const pids = [await started(segue), await started(segue)];
      expect(pids.map(isAlive)).toEqual([false, false]);
      expect(await toolNames(client)).toEqual(OURS);
    },
  );

  shows(
    'F13 C1 B5',
    'because the new one never answers: a running process is not enough for a restart',
    async () => {
      const home = tempHome();
      const set = { ...SOON, 'timing.startMs': 400, 'timing.maxAttempts': 2 };
      const segue = serve({ command: deploy(home, 'echo'), home, set });
      const { client } = segue;
      await client.initialize();
      deploy(home, 'never-answers');
      const report = await restart(client);
      expect(report).toMatchObject({ success: false, outcome: 'failed' });
      expect(causes(report)).toMatch(/did not answer initialize within \d+ ms/);
      const pids = [await started(segue), await started(segue), await started(segue)];
      expect(pids.map(isAlive)).toEqual([false, false, false]);
    },
  );

  shows('F13', 'not yet: a slow one is waited for', async () => {
    const home = tempHome();
    const segue = serve({ command: worker('slow-start', join(home, 'go')), home });
    const hello = segue.client.initialize();
    await reached(segue, 'alive.opening');
    writeFileSync(join(home, 'go'), '');
    expect((await hello).result).toMatchObject({ serverInfo: { name: 'slow-start' } });
  });
});

describe('a command that is not there', () => {
  interface Lack {
    why: RegExp;
    argv(home: string): string[];
    cwd?(home: string): string;
    mend(home: string): void;
  }
  const script = (home: string) => join(home, 'server.mjs');
  const install = (home: string) => {
    deploy(home, 'echo');
    writeFileSync(script(home), `#!${process.execPath}\n${readFileSync(script(home), 'utf8')}`);
    chmodSync(script(home), 0o755);
  };
  const LACKS: Record<string, Lack> = {
    missing: {
      why: /the command \S+server\.mjs does not exist \(ENOENT\)/,
      argv: (home) => [script(home)],
      mend: install,
    },
    'not executable': {
      why: /the command \S+server\.mjs is not executable \(EACCES\)/,
      argv(home) {
        install(home);
        chmodSync(script(home), 0o644);
        return [script(home)];
      },
      mend: install,
    },
    'without its working directory': {
      why: /the working directory \S+gone does not exist \(ENOENT\)/,
      argv: () => worker('echo'),
      cwd: (home) => join(home, 'gone'),
      mend: (home) => mkdirSync(join(home, 'gone')),
    },
  };

  for (const [name, lack] of Object.entries(LACKS)) {
    shows(
      'F15 C2',
      `${name}: fails at once and names the path; once it is there, it can be started`,
      async () => {
        const home = tempHome();
        const cwd = lack.cwd ? ['--cwd', lack.cwd(home)] : [];
        const segue = serve({ command: lack.argv(home), args: cwd, home });
        const { client } = segue;
        const hello = await client.initialize();
        expect((hello.result as { instructions: string }).instructions).toMatch(lack.why);
        expect(await toolNames(client)).toEqual(OURS);
        expect((await client.call('echo')).error?.message).toMatch(lack.why);
        const { current_status } = await status(client);
        expect(current_status).toMatchObject({ state: 'failed', attempt: 1 });
        expect(segue.stderr().match(/"to":"starting.spawn"/g)).toHaveLength(1);
        lack.mend(home);
        const admin = await adminOf(segue);
        if (name === 'missing') expect(await restart(client)).toMatchObject({ success: true });
        else expect(await admin.request('reset')).toMatchObject({ success: true, trigger: 'reset' });
        await client.notification('notifications/tools/list_changed');
        expect(await toolNames(client)).toEqual(expect.arrayContaining([...OURS, 'echo']));
        expect(textOf(await client.call('echo', { text: 'here' }))).toBe('here');
        expect(listChanges(client)).toBe(1);
        client.expectOneAnswerEach();
      },
    );
  }

  shows(
    'F15 F4',
    'any more, at a restart: no second try; the client keeps its tools and its connection',
    async () => {
      const home = tempHome();
      install(home);
      const segue = serve({ command: [script(home)], home });
      const { client } = segue;
      await client.initialize();
      chmodSync(script(home), 0o644);
      const report = await restart(client);
      expect(report).toMatchObject({ success: false, outcome: 'failed' });
      expect(report.message).toMatch(LACKS['not executable']!.why);
      expect(report.phases.map((phase) => phase.name)).toEqual([
        ...['maintenance', 'suspend', 'serialize', 'close', 'cleanup', 'spawn', 'close', 'cleanup'],
      ]);
      expect((await status(client)).current_status.attempt).toBe(1);
      install(home);
      expect(await restart(client)).toMatchObject({ success: true });
      expect(textOf(await client.call('echo', { text: 'here' }))).toBe('here');
    },
  );

  shows('F15', 'but was once: the client gets the handshake that is known from then', async () => {
    const home = tempHome();
    const command = [script(home)];
    install(home);
    const first = serve({ command, home });
    const known = (await first.client.initialize()).result as Json;
    await adminOf(first);
    first.stdin.end();
    expect(await first.exited).toMatchObject({ code: 0 });
    chmodSync(script(home), 0o644);
    const second = serve({ command, home });
    await reached(second, 'failed');
    expect((await second.client.initialize()).result).toEqual(known);
    expect(await toolNames(second.client)).toEqual(OURS);
  });
});
