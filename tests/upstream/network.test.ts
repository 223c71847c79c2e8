/** What can go wrong between Segue and a server over HTTP, and what becomes of the calls on their way. */
import { describe, expect } from 'vitest';
import { type Json, textOf } from '../support/raw-client.ts';
import { history, restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { jsonOf, until, uphold } from './upstream.ts';

const CALLS = ['tools/call look', 'tools/call work', 'tools/call plain'];

async function opened(options: Parameters<typeof uphold>[1] = {}) {
  const upheld = await uphold('bare', { gates: CALLS, ...options });
  const client = upheld.connect();
  await client.initialize();
  await client.request('tools/list');
  const { stage } = upheld;
  return {
    ...upheld,
    client,
    /** A call that gets `order` where it waits. */
    async told(name: string, order: string | undefined, args = {}) {
      const answer = client.call(name, args);
      (await stage.at(`tools/call ${name}`)).go(order);
      return answer;
    },
  };
}

describe('an answer that breaks off', () => {
  shows('F67', 'is taken up where the server can do that: the call was made once', async () => {
    const { told, executions } = await opened();
    expect(textOf(await told('work', 'later'))).toBe('work in 1');
    expect(executions()).toHaveLength(1);
  });

  shows('F67 F2', 'is unknown where it cannot, unless the call is safe to repeat', async () => {
    const { told, client, stage, executions } = await opened();
    const lost = await told('work', 'drop', { call: 'a' });
    expect(lost.error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN', tool: 'work' } });
    const look = client.call('look');
    (await stage.at('tools/call look')).go('drop');
    (await stage.at('tools/call look')).go();
    expect(textOf(await look)).toBe('look in 1');
    expect(executions()).toHaveLength(3);
    expect(await history(client)).toEqual([]); // nothing of it was worth a reboot
    client.expectOneAnswerEach();
  });

  shows(
    'F67',
    'in the middle of a reboot holds nothing up: it goes on, and what was held is sent',
    async () => {
      const { client, stage, supervisor, executions } = await opened();
      const lost = client.call('work', { resumable: false });
      const { go } = await stage.at('tools/call work');
      stage.release(...CALLS);
      const rebooting = restart(client);
      await until(supervisor, 'suspend');
      const held = client.call('work', { call: 'held' });
      go('drop');
      expect((await lost).error).toMatchObject({ data: { code: 'OUTCOME_UNKNOWN' } });
      expect(await rebooting).toMatchObject({ success: true, sessions: { kept: 1, lost: [] } });
      expect(textOf(await held)).toBe('work in 2');
      expect(executions()).toHaveLength(2);
      client.expectOneAnswerEach();
    },
  );
});

shows('F67', 'what the server says by itself goes on where it broke off', async () => {
  const { client } = await opened({ env: { NOTICES: '1' } });
  const ofServer = ({ data }: Json) => String(data).startsWith('notice');
  for (const at of [1, 2, 3]) {
    const { params } = await client.notification('notifications/message', ofServer);
    expect(params).toMatchObject({ data: `notice ${at}` });
  }
});

describe('a server that takes no connection', () => {
  shows('F2 F24', 'and lives is replaced: what it never got is sent to the next, once', async () => {
    const { told, client, stage, executions } = await opened({ timing: { writeMs: 300 } });
    expect(textOf(await told('plain', 'deaf'))).toBe('plain in 1');
    stage.release(...CALLS);
    expect(textOf(await client.call('work', { call: 'late' }))).toBe('work in 2');
    expect(executions()).toHaveLength(2);
    expect(await history(client)).toMatchObject([{ trigger: 'unhealthy', success: true }]);
    client.expectOneAnswerEach();
  });
});

shows('F14', 'a server that hangs is replaced; what is safe to repeat is repeated', async () => {
  const timing = { probeEveryMs: 100, probeMs: 1000, probeBusyMs: 300 };
  const { connect, stage } = await uphold('legacy', { timing });
  const client = connect();
  await client.initialize();
  await client.request('tools/list');
  process.kill((await stage.player()).pid, 'SIGSTOP');
  expect(jsonOf<{ generation: number }>(await client.call('whoami')).generation).toBeGreaterThan(1);
  expect((await history(client)).map(({ trigger }) => trigger)).toContain('unhealthy');
});

shows('F25', 'a client that reads too slowly is kept waiting, and nobody else', async () => {
  const { client, connect, stage } = await opened();
  const other = connect();
  await other.initialize();
  client.stopReading();
  const calls = [client.call('work'), client.call('plain')];
  (await stage.at('tools/call work')).go();
  await calls[0]; // the last that it takes
  (await stage.at('tools/call plain')).go();
  stage.release(...CALLS);
  expect(textOf(await other.call('plain'))).toBe('plain in 1');
  expect(client.answersTo(4)).toEqual([]);
  client.readAgain();
  expect(textOf(await calls[1]!)).toBe('plain in 1');
});

describe('an answer that is none', () => {
  shows('F19', 'is an error of its call alone', async () => {
    const { told, client } = await opened({ limits: { maxLineBytes: 50_000 } });
    expect((await told('plain', 'http')).error).toMatchObject({
      data: { code: 'MALFORMED_RESPONSE', http_status: 503 },
    });
    expect((await told('plain', 'huge')).error).toMatchObject({ data: { code: 'MESSAGE_TOO_LARGE' } });
    expect((await told('work', 'huge')).error).toMatchObject({ data: { code: 'MESSAGE_TOO_LARGE' } });
    expect(textOf(await told('work', undefined))).toBe('work in 1');
    client.expectOneAnswerEach();
  });

  shows('F19', 'and one in many lines reaches the client in one', async () => {
    const { told, client } = await opened();
    expect(textOf(await told('plain', 'lines'))).toBe('plain in 1');
    expect(textOf(await told('work', 'lines'))).toBe('work in 1');
    expect(client.messages.filter(({ garbage }) => garbage !== undefined)).toEqual([]);
  });
});

shows('F37', 'a cancelled call whose connection then breaks is asked after no more', async () => {
  const { client, stage } = await opened();
  client.send({ id: 'w', method: 'tools/call', params: { name: 'work', arguments: {} } });
  const { go } = await stage.at('tools/call work');
  client.notify('notifications/cancelled', { requestId: 'w' });
  await client.request('tools/list');
  go('drop');
  stage.release(...CALLS);
  expect(await restart(client)).toMatchObject({ success: true, requests: { failed: 0 } });
  expect(client.answersTo('w')).toEqual([]);
});
