/** Segue behind Segue: each has ids of its own making, and takes none of the other's for its own. */
import { expect } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { type RawClient, textOf } from '../support/raw-client.ts';
import { serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

/** Both have five tools of the same names: the outer's are renamed, so that all ten can be called. */
const OUTER = 'segue';
const INNER = 'orchestrator';

async function expectPing(client: RawClient, prefix: string): Promise<void> {
  const test = client.call(`${prefix}_reconnect_test`);
  client.respond((await client.serverRequest('ping')).id, {});
  expect(structured(await test)).toMatchObject({ overall_status: 'pass' });
}

async function expectQuestion(client: RawClient, name: string): Promise<void> {
  const call = client.call('elicit');
  const question = await client.serverRequest('elicitation/create');
  client.respond(question.id, { action: 'accept', content: { name } });
  expect(JSON.parse(textOf(await call))).toMatchObject({ content: { name } });
}

shows(
  'F29',
  'a Segue may wrap a Segue: both reboot, ping and ask, and every answer finds its way',
  async () => {
    const inner = segueLaunch({ home: tempHome(), command: worker('asks') });
    const { client } = serve({ command: [inner.command, ...inner.args] });
    await client.initialize({ elicitation: {} });
    const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining([`${OUTER}_restart_server`, `${INNER}_restart_server`, 'elicit']),
    );
    for (const prefix of [INNER, OUTER]) await expectPing(client, prefix);
    for (const prefix of [INNER, OUTER, OUTER, INNER]) {
      expect(structured(await client.call(`${prefix}_restart_server`))).toMatchObject({ success: true });
      await expectQuestion(client, prefix);
    }
    for (const prefix of [INNER, OUTER]) await expectPing(client, prefix);
    client.expectOneAnswerEach();
  },
);
