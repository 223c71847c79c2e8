/** The HTTP front under requests whose message or headers are nearly right, in both eras (F18, F54, F56). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Exchange, HttpPeer, type Service, startService } from '../support/http.ts';
import { BIG, jsonText, objectText } from '../support/json-text.ts';
import { tempHome, worker } from '../support/launch.ts';
import { modernMeta, textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { mutated } from './mutated.ts';
import { runs } from './runs.ts';

const METHODS = [
  ...[
    'tools/call',
    'tools/list',
    'resources/read',
    'resources/subscribe',
    'prompts/get',
    'completion/complete',
  ],
  ...[
    'ping',
    'logging/setLevel',
    'server/discover',
    'subscriptions/listen',
    'tasks/get',
    'tasks/list',
    'x/new',
  ],
  ...['notifications/initialized', 'notifications/cancelled', 'notifications/progress'],
];
function asModern(name: string): Record<string, string> {
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': name, 'mcp-name': 'echo' };
}
const modern = JSON.stringify(modernMeta()).slice(1, -1);
const echo = '{"name":"echo","arguments":{"text":"x"}}';
const ids = ['1', '2', '"a"', '-0', BIG, '1e400', 'null', '{}', '"\\u0061"'];

const params = fc.oneof(
  objectText,
  jsonText,
  fc.constantFrom(
    echo,
    '{"requestId":1}',
    '{"progressToken":"a","progress":1}',
    '{"uri":"x:y","level":"debug"}',
  ),
  objectText.map((text) => (text === '{}' ? `{${modern}}` : `{${modern},${text.slice(1)}`)),
  fc.constant(`${echo.slice(0, -1)},${modern}}`),
);
const message = fc.oneof(
  fc
    .tuple(fc.constantFrom(...ids), fc.constantFrom(...METHODS), params)
    .map(([id, method, value]) => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${value}}`),
  fc
    .tuple(fc.constantFrom(...METHODS), params)
    .map(([method, value]) => `{"jsonrpc":"2.0","method":"${method}","params":${value}}`),
  fc
    .tuple(fc.constantFrom(...ids), jsonText)
    .map(([id, value]) => `{"jsonrpc":"2.0","id":${id},"result":${value}}`),
);
const body = fc.oneof(message, mutated(message, 2), mutated(message, 1), jsonText).map(Buffer.from);

/** What a header may hold. */
const odd = fc.stringMatching(/^[ -~]{0,30}$/);
const anyHeaders = fc.record(
  {
    'mcp-protocol-version': fc.oneof(
      fc.constantFrom('2025-03-26', '2025-11-25', '2026-07-28', '9999-99-99'),
      odd,
    ),
    'mcp-session-id': odd,
    'mcp-method': fc.oneof(fc.constantFrom(...METHODS), odd),
    'mcp-name': fc.oneof(fc.constantFrom('echo', '=?base64?////?='), odd),
    'last-event-id': fc.oneof(fc.stringMatching(/^[a-z0-9]{1,40}-\d{1,20}$/), odd),
    accept: fc.oneof(fc.constantFrom('*/*', 'text/event-stream', 'application/json;q=0'), odd),
    'content-type': fc.oneof(fc.constantFrom('application/json; charset=utf-8', 'text/plain'), odd),
    origin: fc.constantFrom('null', 'http://localhost', 'http://[::1', 'x'),
    authorization: odd,
  },
  { requiredKeys: [] },
);
/** Mostly those that a client sends. */
const headers = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Record<string, string>>({}) },
  { weight: 3, arbitrary: fc.constantFrom(...METHODS).map(asModern) },
  { weight: 3, arbitrary: anyHeaders as fc.Arbitrary<Record<string, string>> },
);

const method = fc.constantFrom('POST', 'POST', 'POST', 'POST', 'GET', 'DELETE');

interface Front {
  service: Service;
  peer: HttpPeer;
  /** Sends one as the client of the session, sees that the session lives, and hangs up on the one. */
  send(method: string, headers: Record<string, string>, body?: Buffer | string): Promise<void>;
  /** Of all that were answered. */
  statuses: Map<number, number>;
}

async function front(): Promise<Front> {
  const service = await startService({ command: worker('echo'), set: { 'http.limits.maxWorkers': 4 } });
  const peer = new HttpPeer(service.url);
  await peer.open();
  const statuses = new Map<number, number>();
  const usual = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-session-id': peer.session!,
    'mcp-protocol-version': peer.version!,
  };
  const answered = ({ status }: Exchange) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
  return {
    service,
    peer,
    statuses,
    async send(verb, more, bytes) {
      // A DELETE by the session itself would end it, as it should.
      const own = verb === 'DELETE' ? { ...usual, 'mcp-session-id': 'none' } : usual;
      const leave = new AbortController();
      const sent = peer.send(verb, { ...own, ...more }, verb === 'POST' ? bytes : undefined, leave.signal);
      const done = sent.then(answered, () => {}); // it may wait for an answer that no server would give
      expect(textOf(await peer.call('echo', { text: 'alive' }))).toBe('alive');
      leave.abort();
      await done;
    },
  };
}

function expectCalm({ service, statuses }: Front): void {
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
  expect(service.stderr()).not.toMatch(/"level":"(error|fatal)"/);
}

shows('F18 F56', 'no message, however wrong, harms the session that sends it', async () => {
  const one = await front();
  await fc.assert(
    fc.asyncProperty(method, headers, body, async (verb, more, bytes) => {
      await one.send(verb, more, bytes);
    }),
    {
      ...runs(200),
      // In a legacy session it was taken for a listen of the other era: the worker was never sent anything again.
      examples: [['POST', {}, Buffer.from('{"jsonrpc":"2.0","id":5,"method":"subscriptions/listen"}')]],
    },
  );
  expectCalm(one);
  // It was not only refused.
  expect(one.statuses.get(200)).toBeGreaterThan(0);
  expect(one.statuses.get(400)).toBeGreaterThan(0);
});

const nested = (depth: number) => `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`;

shows('F18 F57', 'nor does a nest deeper than any stack, wherever it stands', async () => {
  const one = await front();
  const deep = nested(20_000);
  const meta = (client: string) =>
    `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":${deep},"io.modelcontextprotocol/clientInfo":${client}}`;
  const places = [
    deep,
    `{"name":${deep},"uri":${deep},"arguments":${deep},"requestId":${deep},"level":${deep},"notifications":${deep}}`,
    `{"name":"orchestrator_restart_status","arguments":${deep}}`,
    `{"name":"echo","arguments":${deep},"_meta":{"progressToken":${deep}}}`,
    `{"_meta":{"io.modelcontextprotocol/protocolVersion":${deep}}}`,
    `{"name":"echo","arguments":{},${meta(deep)}}`,
  ];
  for (const name of METHODS)
    for (const params of places)
      await one.send(
        'POST',
        asModern(name),
        `{"jsonrpc":"2.0","id":1,"method":"${name}","params":${params}}`,
      );
  for (const params of places.slice(0, 4))
    await one.send('POST', {}, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
  expectCalm(one);
  // Its handshake is kept for the next worker, and in the journal.
  const other = new HttpPeer(one.service.url);
  const params = `{"protocolVersion":"2025-11-25","capabilities":{"x":${deep}},"clientInfo":{"name":"x","version":"1","x":${deep}}}`;
  const opened = await other.post(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`);
  expect(await opened.answer(1)).toMatchObject({ result: { protocolVersion: '2025-11-25' } });
  other.session = opened.headers['mcp-session-id'] as string;
  other.version = '2025-11-25';
  await other.post({ method: 'notifications/initialized' });
  expect(textOf(await other.call('echo', { text: 'alive' }))).toBe('alive');
  expectCalm(one);
});

shows('F18', 'nor one in what a server says of itself', async () => {
  const script = join(tempHome(), 'deep.mjs');
  writeFileSync(
    script,
    `import { createInterface } from 'node:readline';
    const deep = '{"a":'.repeat(20_000) + '0' + '}'.repeat(20_000);
    const results = {
      initialize: '{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"x":' + deep + '},"serverInfo":' + deep + '}',
      'tools/list': '{"tools":[{"name":"echo","inputSchema":{"type":"object","x":' + deep + '}}]}',
      'tools/call': '{"content":[{"type":"text","text":"alive"}],"structuredContent":' + deep + '}',
    };
    for await (const line of createInterface({ input: process.stdin })) {
      const { id, method } = JSON.parse(line);
      const result = results[method] ?? '{}';
      if (id !== undefined) process.stdout.write('{"jsonrpc":"2.0","id":' + JSON.stringify(id) + ',"result":' + result + '}\\n');
    }`,
  );
  const service = await startService({ command: ['node', script] });
  const peer = new HttpPeer(service.url);
  await peer.open();
  for (const id of [1, 2]) {
    const list = await peer.post({ id, method: 'tools/list' });
    expect((await list.answer(id)).result).toBeDefined();
  }
  expect(textOf(await peer.call('echo'))).toBe('alive');
});
