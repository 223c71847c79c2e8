/** Nothing that a server or a client writes ends the relay (F18, F19). */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Message } from '../support/raw-client.ts';
import { textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { type Wire, wire } from './wire.ts';

/** Still the first worker, still the same client. */
async function expectUnharmed({ client }: Wire): Promise<void> {
  expect(textOf(await client.call('echo', { text: 'alive' }))).toBe('alive');
  const status = await client.call('orchestrator_restart_status');
  expect(status.result?.structuredContent).toMatchObject({ current_status: { generation: 1 } });
}

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const GARBAGE = [
  ...['', ' ', '\r', '\0', '{', '}', '[]', '[[]]', '[null]', 'null', '0', '"text"', 'true', '{}', '\ufeff{}'],
  '{"jsonrpc":"2.0"}',
  '{"jsonrpc":"2.0","id":1}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
  '{"jsonrpc":"2.0","id":{},"result":{}}',
  '{"jsonrpc":"2.0","id":[1],"method":"x"}',
  '{"jsonrpc":"2.0","id":true,"method":"tools/list"}',
  '{"jsonrpc":"2.0","id":1e400,"result":{}}',
  '{"jsonrpc":"2.0","id":"never asked","result":{}}',
  '{"jsonrpc":"2.0","method":5}',
  '{"jsonrpc":"2.0","method":"","params":null}',
  '{"jsonrpc":"2.0","method":"__proto__","params":{"__proto__":null}}',
  ...['progress', 'cancelled', 'message', 'tools/list_changed', 'resources/updated', 'tasks/status'].flatMap(
    (name) =>
      ['', ',"params":null', ',"params":[]', ',"params":{"progressToken":{},"requestId":[],"_meta":1}'].map(
        (params) => `{"jsonrpc":"2.0","method":"notifications/${name}"${params}}`,
      ),
  ),
  `{"jsonrpc":"2.0","method":"notifications/message","params":${nested(100_000)}}`,
  nested(100_000),
];

shows('F18', 'whatever a server writes, the session lives', async () => {
  const segue = await wire();
  segue.workerSays(...GARBAGE);
  await expectUnharmed(segue);
});

shows(
  'F18',
  'whatever a client writes is answered once or dropped, also where its server dies of it',
  async () => {
    const segue = await wire({ set: { 'timing.crashLimit': 1000 } });
    const methods = [
      'tools/call',
      'tools/list',
      'resources/read',
      'ping',
      'logging/setLevel',
      'x-vendor/new',
    ];
    const params = [
      'null',
      '[]',
      '{"name":5,"uri":{},"arguments":[]}',
      '{"_meta":[],"cursor":{}}',
      nested(100_000),
    ];
    for (const line of GARBAGE) segue.write(line);
    const ids = methods.flatMap((method) =>
      params.map((value, at) => {
        segue.write(`{"jsonrpc":"2.0","id":"${method} ${at}","method":"${method}","params":${value}}`);
        return `${method} ${at}`;
      }),
    );
    for (const asked of ids) await segue.client.next(({ id }) => id === asked);
    expect(textOf(await segue.client.call('echo', { text: 'alive' }))).toBe('alive');
    expect(ids.map((id) => segue.client.answersTo(id).length)).toEqual(ids.map(() => 1));
  },
);

shows('F18', 'any bytes may come from either side, in any pieces', async () => {
  const segue = await wire();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), async (pieces) => {
      for (const piece of pieces) segue.client.send(piece);
      segue.client.send('\n');
      segue.workerSays(...pieces.map((piece) => Buffer.from(piece).toString('latin1')));
      await expectUnharmed(segue);
    }),
    { numRuns: 50 },
  );
});

const malformed = (answer: Message) => answer.error?.data?.code;

shows('F19', 'each form of an answer that is none fails its request at once', async () => {
  const segue = await wire();
  const forms = [
    '"id":ID',
    '"id":ID,"outcome":{}',
    '"id":ID,"result":null',
    '"id":ID,"result":"done"',
    '"id":ID,"result":[]',
    '"id":ID,"error":null',
    '"id":ID,"error":"failed"',
    '"id":ID,"error":{"code":-1}',
    '"id":ID,"error":{"message":"no code"}',
    '"id":ID,"error":{"code":"E1","message":"no number"}',
  ];
  for (const [at, form] of forms.entries()) {
    const answer = segue.client.request('test/hear', {}, `m${at}`);
    segue.workerSays(`{"jsonrpc":"2.0",${form.replace('ID', `"m${at}"`)}}`);
    expect([form, malformed(await answer)]).toEqual([form, 'MALFORMED_RESPONSE']);
  }
  await expectUnharmed(segue);
  segue.client.expectOneAnswerEach();
});

shows('F18', 'lists that are nested without measure are no trouble', async () => {
  const segue = await wire();
  const deep = `{"name":"deep","uri":"test://deep","x":${nested(50_000)}}`;
  for (const [method, member] of [
    ['tools/list', 'tools'],
    ['prompts/list', 'prompts'],
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
  ]) {
    segue.write(`{"jsonrpc":"2.0","id":"${member}","method":"${method}","params":{"test/hear":1}}`);
    segue.workerSays(
      `{"jsonrpc":"2.0","id":"${member}","result":{"${member}":[${deep}],"x":${nested(50_000)}}}`,
    );
    await segue.heard.next((line) => line.includes(`"id":"${member}"`) && line.includes('"deep"'));
  }
  await expectUnharmed(segue);
});
