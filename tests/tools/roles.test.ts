/** What each role may do and see: real sessions of one worker, each with a principal of its own (F51). */
import { expect } from 'vitest';
import type { ReconnectTestReport, StatusReport } from '../../src/control/schemas.ts';
import { type Embedded, type EmbeddedClient, embed } from '../lifecycle/embedded.ts';
import { worker } from '../support/launch.ts';
import { modernMeta, type RawClient } from '../support/raw-client.ts';
import { history, modern, refusal, restart, status, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

type Role = 'client' | 'monitor' | 'operator' | 'admin';

async function enter({ connectAs }: Embedded, role: Role): Promise<EmbeddedClient> {
  const client = connectAs({ id: `token:${role}`, role });
  await client.initialize();
  return client;
}

async function tested(asker: RawClient, others: RawClient[] = []): Promise<ReconnectTestReport> {
  const answer = asker.call('orchestrator_reconnect_test');
  for (const each of [asker, ...others]) each.respond((await each.serverRequest('ping')).id, {});
  return structured(await answer);
}

const readHistory = (client: RawClient, meta = {}) =>
  client.request('resources/read', { uri: 'reboot://history', ...meta });
const ALLOWED = { client: false, monitor: false, operator: true, admin: true };

shows('F51 M6', 'only operator and admin may restart; the refusal says which role is needed', async () => {
  const embedded = embed({ command: worker('crowd'), isolation: 'shared' });
  let generation = 1;
  for (const [role, allowed] of Object.entries(ALLOWED) as [Role, boolean][]) {
    const client = await enter(embedded, role);
    if (allowed) {
      expect(await restart(client), role).toMatchObject({ success: true, requested_by: `token:${role}` });
      generation += 1;
    } else {
      const error = refusal(await client.call('orchestrator_restart_server'));
      expect(error).toMatchObject({
        code: 'NOT_AUTHORIZED',
        message: `restart needs the role operator; you are ${role}`,
      });
    }
    expect((await status(client)).current_status.generation, role).toBe(generation);
  }
});

shows('F51', 'a client sees its own session, a monitor sees all', async () => {
  const embedded = embed({ command: worker('crowd'), isolation: 'shared' });
  const [client, monitor] = [await enter(embedded, 'client'), await enter(embedded, 'monitor')];
  const all = await tested(monitor, [client]);
  const ids = all.results.all_sessions!.details.map(({ session_id }) => session_id);
  expect(ids).toHaveLength(2);
  const own = (await tested(client)).results.all_sessions!.details;
  expect(own).toHaveLength(1);
  const other = ids.find((id) => id !== own[0]!.session_id)!;
  // The same as for an id that never was.
  for (const session_id of [other, 'none']) {
    const answer = await client.call('orchestrator_reconnect_test', { session_id });
    expect(refusal(answer)).toMatchObject({
      code: 'INVALID_PARAMETERS',
      message: `no session has the id "${session_id}"`,
    });
  }
});

shows('F51', 'a client does not read who asked for restarts, nor how they went; a monitor does', async () => {
  const embedded = embed({ command: worker('crowd'), isolation: 'shared' });
  const [client, monitor] = [await enter(embedded, 'client'), await enter(embedded, 'monitor')];
  await restart(await enter(embedded, 'operator'));
  expect(await history(monitor)).toMatchObject([{ requested_by: 'token:operator' }]);
  expect((await status(monitor, { include_history: true })).history?.recent_restarts).toHaveLength(1);
  expect((await readHistory(client)).error).toMatchObject({
    code: -32008,
    message: 'reboot://history needs the role monitor; you are client',
    data: { code: 'NOT_AUTHORIZED', retryable: false },
  });
  const asked = await client.call('orchestrator_restart_status', { include_history: true });
  expect(refusal(asked)).toMatchObject({ code: 'NOT_AUTHORIZED' });
  expect((await status(client)).current_status.generation).toBe(2);
  expect(JSON.stringify(client.messages)).not.toContain('token:operator');
});

shows('F51', 'a modern client is told the same', async () => {
  const { connectAs } = embed({ command: worker('modern') });
  const client = connectAs({ id: 'token:client', role: 'client' });
  const report = structured<StatusReport>(await modern.call(client, 'orchestrator_restart_status'));
  expect(report.current_status.generation).toBe(1);
  expect((await readHistory(client, modernMeta())).error).toMatchObject({
    code: -32008,
    message: 'reboot://history needs the role monitor; you are client',
    data: { code: 'NOT_AUTHORIZED', retryable: false },
  });
  expect(refusal(await modern.call(client, 'orchestrator_restart_server'))).toMatchObject({
    code: 'NOT_AUTHORIZED',
  });
});
