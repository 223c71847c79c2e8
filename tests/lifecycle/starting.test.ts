/** Starts that fail, in what tests/faults/starts.test.ts leaves out: by accident again and again, and at a restart (F1, F13, F15). */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

const serverFile = (home: string) => join(home, 'server.mjs');

/** A server file that is this fixture, until the next deployment; argv to run it. */
function deploy(home: string, fixture: string): string[] {
  const module = join(ROOT, `tests/fixtures/workers/${fixture}.mjs`);
  writeFileSync(serverFile(home), `#!${process.execPath}\nimport ${JSON.stringify(module)};\n`);
  return [process.execPath, serverFile(home)];
}

async function toolNames(client: RawClient): Promise<string[]> {
  const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
  return tools.map(({ name }) => name);
}

const causes = (report: RestartReport) => report.errors.map(({ message }) => message).join('\n');

describe('a start that fails by accident is tried again', () => {
  shows('F1', 'the first one, killed three times in its handshake: the client only waits', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    stage.hold('initialize');
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: SOON });
    const hello = segue.client.initialize();
    for (let kill = 1; kill <= 3; kill++) {
      const { player } = await stage.at('initialize');
      if (kill === 3) stage.release('initialize');
      process.kill(player.pid, 'SIGKILL');
    }
    expect((await hello).result).toMatchObject({ serverInfo: { name: 'echo' } });
    expect(textOf(await segue.client.call('echo', { text: 'fourth' }))).toBe('fourth');
    segue.client.expectOneAnswerEach();
  });

  shows('F1 C1', 'that of a restart, killed while spawning and in its handshake: one pause', async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = serve({ command: worker('echo'), home, env: stage.env, set: SOON });
    const { client } = segue;
    await client.initialize();
    await started(segue);
    stage.hold('initialize');
    const answer = restart(client);
    process.kill(await started(segue), 'SIGKILL');
    const third = await started(segue);
    while ((await stage.at('initialize')).player.pid !== third); // the second may have come that far
    const held = client.call('echo', { text: 'waited' });
    stage.release('initialize');
    process.kill(third, 'SIGKILL');
    const report = await answer;
    expect(report).toMatchObject({ success: true, outcome: 'completed', rolled_back: false });
    expect(causes(report)).toContain('the new server was ended by SIGKILL before its handshake was through');
    expect(textOf(await held)).toBe('waited');
    expect((await status(client)).current_status).toMatchObject({ state: 'alive.idle', generation: 4 });
    client.expectOneAnswerEach();
  });

  shows('F1', 'and one own exit in the handshake is no verdict', async () => {
    const home = tempHome();
    const env = { STARTS: join(home, 'starts') };
    const { client } = serve({ command: worker('dies-in-handshake', '1'), home, env, set: SOON });
    expect((await client.initialize()).result).toMatchObject({ serverInfo: { name: 'dies-in-handshake' } });
    expect(readFileSync(env.STARTS, 'utf8').trim().split('\n')).toHaveLength(2);
    client.expectOneAnswerEach();
  });

  shows('F13', 'while one that is only slow is waited for', async () => {
    const home = tempHome();
    const segue = serve({ command: worker('slow-start', join(home, 'go')), home });
    const hello = segue.client.initialize();
    await reached(segue, 'alive.opening');
    writeFileSync(join(home, 'go'), '');
    expect((await hello).result).toMatchObject({ serverInfo: { name: 'slow-start' } });
  });
});

describe('a start that cannot succeed is given up', () => {
  shows('F1 C2 M3', 'after the same own exit in two handshakes; the history has the last words', async () => {
    const home = tempHome();
    const env = { STARTS: join(home, 'starts') };
    const { client } = serve({ command: worker('dies-in-handshake', '99', '5'), home, env, set: SOON });
    const hello = await client.initialize();
    expect((hello.result as { instructions: string }).instructions).toContain('exited with code 5');
    expect((await status(client)).current_status).toMatchObject({ state: 'failed', traffic: 'refusing' });
    expect(readFileSync(env.STARTS, 'utf8').trim().split('\n')).toHaveLength(2);
    const [report] = await history(client);
    expect(report).toMatchObject({ trigger: 'start', success: false, last_exit: { code: 5 } });
    expect(report!.stderr_tail).toContain('no handshake with me');
    client.expectOneAnswerEach();
  });

  shows('F13 C1 B5', 'where the new server runs and never answers; no process of it is left', async () => {
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
  });
});

describe('a command that is not there', () => {
  const install = (home: string) => {
    deploy(home, 'echo');
    chmodSync(serverFile(home), 0o755);
    return [serverFile(home)];
  };

  shows('F15 C2', 'because its directory is gone, is started by the tool once that is back', async () => {
    const home = tempHome();
    const cwd = join(home, 'gone');
    const segue = serve({ command: worker('echo'), args: ['--cwd', cwd], home });
    const { client } = segue;
    await client.initialize();
    expect(await toolNames(client)).toEqual(OURS);
    const again = await restart(client);
    expect(again).toMatchObject({ success: false, outcome: 'failed' });
    expect(again.message).toContain(`the working directory ${cwd} does not exist (ENOENT)`);
    expect(segue.stderr().match(/"to":"starting.spawn"/g)).toHaveLength(2); // one try each
    mkdirSync(cwd);
    expect(await restart(client)).toMatchObject({ success: true });
    await client.notification('notifications/tools/list_changed');
    expect(await toolNames(client)).toEqual(expect.arrayContaining([...OURS, 'echo']));
    expect(JSON.parse(textOf(await client.call('whoami'))).cwd).toBe(cwd);
    client.expectOneAnswerEach();
  });

  shows('F15 F4', 'any more at a restart: no second try, no lost connection', async () => {
    const home = tempHome();
    const segue = serve({ command: install(home), home });
    const { client } = segue;
    await client.initialize();
    chmodSync(serverFile(home), 0o644);
    const report = await restart(client);
    expect(report).toMatchObject({ success: false, outcome: 'failed' });
    expect(report.message).toContain(`the command ${serverFile(home)} is not executable (EACCES)`);
    expect(report.phases.filter(({ name }) => name === 'spawn')).toMatchObject([{ outcome: 'failed' }]);
    expect((await status(client)).current_status).toMatchObject({ state: 'failed', attempt: 1 });
    install(home);
    expect(await restart(client)).toMatchObject({ success: true });
    expect(textOf(await client.call('echo', { text: 'here' }))).toBe('here');
    client.expectOneAnswerEach();
  });

  shows('F15', 'but was once: the client gets the handshake that is known from then', async () => {
    const home = tempHome();
    const command = install(home);
    const first = serve({ command, home });
    const known = (await first.client.initialize()).result as Json;
    await adminOf(first); // its state is on disk
    first.stdin.end();
    expect(await first.exited).toMatchObject({ code: 0 });
    chmodSync(serverFile(home), 0o644);
    const second = serve({ command, home });
    await reached(second, 'failed');
    expect((await second.client.initialize()).result).toEqual(known);
    expect(await toolNames(second.client)).toEqual(OURS);
  });
});
