/** What the five tools take, and what they say to everything else (E1). */
import { describe, expect } from 'vitest';
import type { RestartReport } from '../../src/control/schemas.ts';
import { segueLaunch, worker } from '../support/launch.ts';
import { type Json, type RawClient, textOf } from '../support/raw-client.ts';
import { refusal, serve, status, structured } from '../support/restarts.ts';
import { connectV1 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';

const RESTART = 'orchestrator_restart_server';

/** Arguments that must be refused, and the argument that the refusal must name. */
const WRONG: readonly [tool: string, args: Json, named: string][] = [
  [RESTART, { graceful: 'yes' }, 'graceful'],
  [RESTART, { preserve_state: 1 }, 'preserve_state'],
  [RESTART, { timeout: '30' }, 'timeout'],
  [RESTART, { timeout: 9 }, 'timeout'],
  [RESTART, { timeout: 301 }, 'timeout'],
  [RESTART, { reason: 'because' }, 'reason'],
  [RESTART, { wait: null }, 'wait'],
  [RESTART, { scope: 'everyone' }, 'scope'],
  [RESTART, { command: ['sh'] }, 'command'],
  ['orchestrator_health_check', { include_database_status: 'no' }, 'include_database_status'],
  ['orchestrator_health_check', { include_everything: true }, 'include_everything'],
  ['orchestrator_shutdown_prepare', { check_active_tasks: 0 }, 'check_active_tasks'],
  ['orchestrator_shutdown_prepare', { check: true }, 'check'],
  ['orchestrator_reconnect_test', { session_id: 7 }, 'session_id'],
  ['orchestrator_reconnect_test', { session_id: 'nobody' }, 'nobody'],
  ['orchestrator_reconnect_test', { sessions: [] }, 'sessions'],
  ['orchestrator_restart_status', { include_history: 'all' }, 'include_history'],
  ['orchestrator_restart_status', { history: true }, 'history'],
];

const FIVE = [...new Set(WRONG.map(([tool]) => tool))];

async function generation(client: RawClient): Promise<number> {
  return JSON.parse(textOf(await client.call('whoami'))).generation;
}

describe('parameters', () => {
  shows('E1', 'of a wrong type, out of range or unknown are refused by name; nothing is done', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    for (const [tool, args, named] of WRONG) {
      const error = refusal(await client.call(tool, args));
      expect({ tool, args, code: error.code }).toEqual({ tool, args, code: 'INVALID_PARAMETERS' });
      expect(error.message).toContain(named);
    }
    for (const tool of FIVE) {
      const params = { name: tool, arguments: ['a', 'list'] };
      const { code } = refusal(await client.request('tools/call', params));
      expect({ tool, code }).toEqual({ tool, code: 'INVALID_PARAMETERS' });
    }
    expect(await generation(client)).toBe(1);
    const { history } = await status(client, { include_history: true });
    expect(history).toEqual({
      recent_restarts: [],
      total_restarts: 0,
      success_rate: null,
      last_successful_restart: null,
    });
    client.expectOneAnswerEach();
  });

  shows('E1', 'at the ends of their range are taken, and left out they get their defaults', async () => {
    const { client } = serve({ command: worker('echo') });
    await client.initialize();
    for (const timeout of [10, 300]) {
      const report = structured<RestartReport>(await client.call(RESTART, { timeout }));
      expect(report).toMatchObject({ success: true, timeout });
    }
    const { result } = await client.request('tools/call', { name: RESTART });
    expect(result?.structuredContent).toMatchObject({
      success: true,
      timeout: 30,
      graceful: true,
      preserve_state: true,
      restart_reason: 'manual_request',
    });
    expect(await generation(client)).toBe(4);
  });

  shows('E1', 'are announced, and every answer, refusals too, keeps to the announced form', async () => {
    const client = await connectV1(segueLaunch({ command: worker('echo') }));
    const { tools } = await client.listTools(); // from here the SDK checks each result against its outputSchema
    const ours = tools.filter(({ name }) => FIVE.includes(name));
    expect(ours.map(({ name }) => name)).toEqual(FIVE);
    expect(ours.every(({ outputSchema }) => outputSchema?.properties?.error !== undefined)).toBe(true);
    const restartTool = ours.find(({ name }) => name === RESTART)!;
    expect(restartTool.inputSchema.properties).toMatchObject({
      timeout: { type: 'number', minimum: 10, maximum: 300, default: 30 },
      reason: { enum: expect.arrayContaining(['schema_migration', 'emergency_shutdown']) },
    });
    for (const name of FIVE) {
      const good = await client.callTool({ name, arguments: {} });
      expect({ name, isError: good.isError ?? false }).toEqual({ name, isError: false });
      const bad = await client.callTool({ name, arguments: { unknown: true } });
      expect(bad).toMatchObject({
        isError: true,
        structuredContent: { error: { code: 'INVALID_PARAMETERS' } },
      });
    }
  });
});
