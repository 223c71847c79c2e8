/** Where the five tools and the reboot:// resources are seen: by whom, under which names, or not at all (E6). */
import { describe, expect, it } from 'vitest';
import { worker } from '../support/launch.ts';
import { modernMeta, type RawClient, textOf } from '../support/raw-client.ts';
import { modern, readJson, refusal, serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const FIVE = ['restart_server', 'health_check', 'shutdown_prepare', 'reconnect_test', 'restart_status'];
const named = (prefix: string) => FIVE.map((name) => prefix + name);

async function names(client: RawClient, kind: 'tools' | 'resources', meta = {}): Promise<string[]> {
  const { result } = await client.request(`${kind}/list`, meta);
  const entries = result![kind] as { name: string; uri?: string }[];
  return entries.map(({ name, uri }) => uri ?? name);
}

describe('the five tools', () => {
  it('stand before those of the worker, with the resources', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    const tools = await names(client, 'tools');
    expect(tools.slice(0, 5)).toEqual(named('orchestrator_'));
    expect(tools).toContain('echo');
    expect(await names(client, 'resources')).toEqual([
      'reboot://status',
      'reboot://history',
      'reboot://statechart',
      'test://note',
    ]);
    expect(await readJson(client, 'reboot://status')).toMatchObject({
      current_status: { state: 'alive.idle' },
    });
    const chart = JSON.stringify(await readJson(client, 'reboot://statechart'));
    for (const phase of ['suspend', 'serialize', 'spawn', 'reconnect']) expect(chart).toContain(phase);
  });

  it('are hidden with the resources by --no-tools', async () => {
    const { client } = serve({ command: worker('echo'), args: ['--no-tools'] });
    await client.initialize();
    const tools = await names(client, 'tools');
    expect(tools.filter((name) => /^(orchestrator|segue)_/.test(name))).toEqual([]);
    expect(tools).toContain('echo');
    expect(await names(client, 'resources')).toEqual(['test://note']);
    const call = await client.call('orchestrator_restart_status');
    expect(call.error?.message).toBe('Unknown tool: orchestrator_restart_status'); // the worker's own words
    const { result } = await client.request('resources/read', { uri: 'reboot://status' });
    expect(JSON.stringify(result)).toContain('generation 1'); // the worker's own answer
  });

  it('are called segue_ where the worker has one of their names, which stays the worker’s', async () => {
    const { client } = serve({ command: worker('clash') });
    await client.initialize();
    expect(await names(client, 'tools')).toEqual([
      ...named('segue_'),
      'orchestrator_restart_server',
      'orchestrator_health_check',
      'mine',
    ]);
    expect(textOf(await client.call('orchestrator_restart_server'))).toBe(
      "the worker's own orchestrator_restart_server",
    );
    expect(structured(await client.call('segue_restart_server'))).toMatchObject({ success: true });
    expect(structured(await client.call('segue_restart_status'))).toMatchObject({
      current_status: { generation: 2 },
    });
    expect((await client.call('orchestrator_restart_status')).error?.message).toMatch(/Unknown tool/);
    expect((await names(client, 'tools')).slice(0, 5)).toEqual(named('segue_'));
    client.expectOneAnswerEach();
  });

  shows('E6 E1', 'speak the modern era with its clients: complete results, progress, refusals', async () => {
    const { client } = serve({ command: worker('modern') });
    const tools = await names(client, 'tools', modernMeta());
    expect(tools.slice(0, 5)).toEqual(named('orchestrator_'));
    expect(tools).toContain('whoami');
    expect((await names(client, 'resources', modernMeta())).slice(0, 3)).toEqual([
      'reboot://status',
      'reboot://history',
      'reboot://statechart',
    ]);
    for (const name of named('orchestrator_')) {
      const args = name === 'orchestrator_restart_server' ? { reason: 'schema_migration' } : {};
      const answer = await modern.call(client, name, args, { progressToken: name });
      expect(structured(answer)).not.toHaveProperty('error');
      expect(answer.result).toMatchObject({ resultType: 'complete' });
      const wrong = await modern.call(client, name, { unknown: 1 });
      expect(refusal(wrong).code).toBe('INVALID_PARAMETERS');
      expect(wrong.result).toMatchObject({ resultType: 'complete' });
    }
    const read = await client.request('resources/read', { uri: 'reboot://history', ...modernMeta() });
    expect(read.result).toMatchObject({ resultType: 'complete', cacheScope: 'private' });
    expect(JSON.stringify(read.result)).toContain('schema_migration');
    expect(JSON.parse(textOf(await modern.call(client, 'whoami'))).generation).toBe(2);
    const progress = client.messages.filter(({ method }) => method === 'notifications/progress');
    expect(progress.length).toBeGreaterThanOrEqual(5);
    client.expectOneAnswerEach();
  });
});
