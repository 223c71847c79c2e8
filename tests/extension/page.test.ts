/** docs/worker-extension.md: what stands there is true, and its Python server works as it is printed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { METHODS } from '../../src/extension/names.ts';
import { declarationOf, results } from '../../src/extension/protocol.ts';
import { blocks, read } from '../docs/documents.ts';
import { tempHome } from '../support/launch.ts';
import { type Json, type Message, modernMeta, textOf } from '../support/raw-client.ts';
import { history, modern, restart, serve, started, structured } from '../support/restarts.ts';

const PAGE = read('docs/worker-extension.md');
const json = blocks(PAGE, 'json').map((block) => JSON.parse(block) as Message & Json);

describe('the examples of the page', () => {
  it('are a declaration that is understood', () => {
    expect(declarationOf(json[0]!.capabilities as Json)).toEqual({
      handover: 'exclusive',
      checkpoint_interval_ms: 5000,
    });
  });

  it('are each method with an answer that is accepted', () => {
    const asked = json.filter(({ method }) => method);
    expect(asked.map(({ method }) => method).sort()).toEqual([...METHODS].sort());
    for (const { id, method } of asked) {
      const { result } = json.find((message) => message.id === id && message.result)!;
      expect(results[method as keyof typeof results].parse(result)).toEqual(result);
    }
  });
});

const python = (() => {
  try {
    execFileSync('python3', ['-c', 'import json, sys; assert sys.version_info >= (3, 8)'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
})();

/** The program of the page, in a file of its own. */
function program(): { command: string[]; home: string; args: string[] } {
  const home = tempHome();
  const file = join(home, 'counter.py');
  writeFileSync(file, blocks(PAGE, 'python')[0]!);
  return { command: ['python3', file], home, args: ['--name', 'counter'] };
}

// What it shows is shown with node as well (reboots.test.ts): here it is about the page.
describe.skipIf(!python)('the Python server of the page', () => {
  it('counts on over reboots and a crash, in the legacy era', async () => {
    const segue = serve(program());
    const { client } = segue;
    await client.initialize();
    expect(textOf(await client.call('add', { by: 5 }))).toBe('5');
    for (const count of ['6', '7']) {
      const report = await restart(client);
      expect(report).toMatchObject({ success: true, errors: [], worker_state: { restored: true } });
      expect(textOf(await client.call('add'))).toBe(count);
    }
    for (let taken = 0; taken < 3; taken++) await segue.logged(/checkpoint taken/);
    for (let generation = 1; generation < 3; generation++) await started(segue);
    process.kill(await started(segue), 'SIGKILL');
    await started(segue); // from here on a call waits for the next one
    await client.call('add');
    expect((await history(client))[0]).toMatchObject({ trigger: 'crash', worker_state: { restored: true } });
    client.expectOneAnswerEach();
  });

  it('counts on over reboots, in the modern era', async () => {
    const { client } = serve(program());
    expect(textOf(await modern.call(client, 'add', { by: 5 }))).toBe('5');
    const report = structured(await modern.call(client, 'orchestrator_restart_server'));
    expect(report).toMatchObject({ success: true, errors: [], worker_state: { restored: true } });
    expect(textOf(await modern.call(client, 'add'))).toBe('6');
    const health = structured(await modern.call(client, 'orchestrator_health_check'));
    expect(health).toMatchObject({ healthy: true, checks: { worker: { health: { message: '6 counted' } } } });
    expect(await client.request('server/discover', modernMeta())).toMatchObject({
      result: { capabilities: expect.not.objectContaining({ extensions: expect.anything() }) },
    });
    client.expectOneAnswerEach();
  });
});
