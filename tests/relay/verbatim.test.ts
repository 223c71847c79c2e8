/** What need not be rewritten passes byte for byte, both ways, also over a reboot (F21; design.md, "What is forwarded"). */
import fc from 'fast-check';
import { expect } from 'vitest';
import { BIG, jsonText } from '../support/json-text.ts';
import { tempHome } from '../support/launch.ts';
import { reached, restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';
import { equals, wire } from './wire.ts';

const IDS = ['0', '-7', BIG, '18446744073709551616', '"caf\\u00e9"', '"🦊"', '""', '"segue:1:1"'];

/** Forms that parsing and writing again would change; ID is where the id goes. */
const REQUESTS = [
  '{ "params" : {"b":1,\t"a":2 } , "method":"test/hear", "id" : ID ,"jsonrpc":"2.0"}',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","x-trace":"t","params":{"_meta":{"a.b/c":1},"new":[]}}',
  `{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":{"n":${BIG},"m":-123456789012345678901234567890}}`,
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":{"n":1.0,"m":1E+2,"z":-0,"f":0.10}}',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":{"é":"ü – 漢字 🦊 \u2028"}}',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":{"s":"\\u00e9\\/\\ud83e\\udd8a\\ud800\\u0000"}}',
  '{"jsonrpc":"2.0","id":"other","id":ID,"method":"test/hear","params":{"a":1,"a":2},"params":{"a":3}}',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":[1,{"a":2}]}',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear"}\r',
  '{"jsonrpc":"2.0","id":ID,"method":"test/hear","params":{"__proto__":{"x":1},"constructor":2}}',
];
const ANSWERS = [
  '{"result" : {"z":1, "_meta":{"x/y":null},"a":2},"extra":true,"id":ID,"jsonrpc":"2.0"}',
  `{"jsonrpc":"2.0","id":ID,"result":{"n":${BIG},"f":1.50}}`,
  '{"jsonrpc":"2.0","id":ID,"result":{"é":"\\u00fc漢字🦊\u2029\\ud800"}}',
  '{"jsonrpc":"2.0","id":ID,"error":{"code":-1,"message":"no","hint":"x","data":[]}}',
  '{"jsonrpc":"2.0","id":ID,"result":{"a":1,"a":2}}',
];

shows('F21', 'requests and answers keep their bytes, in odd forms and under odd ids', async () => {
  const { write, workerHeard, workerSays, heard } = await wire();
  const requests = REQUESTS.flatMap((form) => IDS.map((id) => ({ id, line: form.replace('ID', id) })));
  for (const [at, { id, line }] of requests.entries()) {
    const answer = ANSWERS[at % ANSWERS.length]!.replace('ID', id);
    write(line);
    workerSays(answer);
    await heard.next(equals(answer));
  }
  const lines = (await workerHeard(requests.at(-1)!.line)).filter((line) => line.includes('test/hear'));
  expect(lines).toEqual(requests.map(({ line }) => line));
});

shows('F21', 'so do notifications, and requests of the server with what a client answers', async () => {
  const { write, workerHeard, workerSays, heard } = await wire();
  const fromServer = [
    `{"params":{"level" : "info","data":{"n":${BIG}}} ,"method":"notifications/message","jsonrpc":"2.0"}`,
    '{"jsonrpc":"2.0","method":"notifications/x-vendor","params":{"é":"\\u00e9"},"more":1}',
    `{"id" : ${BIG},"method":"x-vendor/ask","params":{"n":1.0},"jsonrpc":"2.0"}`,
  ];
  workerSays(...fromServer);
  for (const line of fromServer) await heard.next(equals(line));
  const fromClient = [
    '{"method":"test/hear" ,"params":{"n":1.0},"jsonrpc":"2.0","more":[]}',
    `{"result":{"n":${BIG},"é":"\\u00e9"} ,"id":${BIG},"extra":{"a":1,"a":2},"jsonrpc":"2.0"}`,
  ];
  for (const line of fromClient) write(line);
  expect(await workerHeard(fromClient.at(-1)!)).toEqual(expect.arrayContaining(fromClient));
});

shows('F21', 'ten million bytes reach the other side unchanged, both ways', async () => {
  const { write, workerSays, workerHeard, heard } = await wire();
  const large = 'ü\\n'.repeat(2_500_000);
  const request = `{"jsonrpc":"2.0","id":${BIG},"method":"test/hear","params":{"large":"${large}"}}`;
  write(request);
  expect((await workerHeard(request)).includes(request)).toBe(true);
  const answer = `{"jsonrpc":"2.0","id":${BIG},"result":{"large":"${large}"}}`;
  workerSays(answer);
  await heard.next(equals(answer));
});

shows('F21', 'any JSON that can stand in params and results passes unchanged', async () => {
  const { write, workerHeard, workerSays, heard } = await wire();
  let id = 1000;
  await fc.assert(
    fc.asyncProperty(jsonText, jsonText, async (params, result) => {
      const request = `{"jsonrpc":"2.0","id":${++id},"method":"test/hear","params":${params}}`;
      const answer = `{"jsonrpc":"2.0","id":${id},"result":{"value":${result}}}`;
      write(request);
      workerSays(answer);
      await heard.next(equals(answer));
      expect((await workerHeard(request)).includes(request)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

shows(
  'F21 F2',
  'a request that waited, and one that is repeated, is sent with the bytes that came',
  async () => {
    const home = tempHome();
    const stage = await Stage.open(home);
    const segue = await wire({ home, env: stage.env });
    stage.hold('tools/call echo', 'exit');
    const odd = (id: string) =>
      `{"params":{"arguments":{"n":${BIG},"text":"\\u00e9"} ,"name":"echo"},"id":${id}, "method":"tools/call"}`;
    segue.write(odd(BIG)); // declared read-only
    await stage.at('tools/call echo');
    const done = restart(segue.client);
    await reached(segue, 'stopping.close');
    segue.write(odd('"held"'));
    stage.release('tools/call echo');
    (await stage.at('exit')).go();
    expect(await done).toMatchObject({ success: true, requests: { buffered: 1, repeated: 1 } });
    const lines = await segue.workerHeard(odd('"held"'));
    const calls = lines.filter((line) => line.startsWith('{"params"'));
    expect(calls).toEqual([odd(BIG), odd(BIG), odd('"held"')]);
  },
);

shows('F2 D4', 'what is repeated goes before what waited behind it', async () => {
  const home = tempHome();
  const stage = await Stage.open(home);
  const segue = await wire({ home, env: stage.env, set: { 'timing.drainMs': 100_000 } });
  const call = (id: string) => `{"method":"tools/call","id":${id},"params":{"name":"echo","arguments":{}}}`;
  stage.hold('tools/call echo');
  segue.write(call('"first"')); // declared read-only
  const { player } = await stage.at('tools/call echo');
  stage.release('tools/call echo');
  const done = restart(segue.client, { timeout: 300 });
  await reached(segue, 'alive.preparing.suspend');
  segue.write(call('"second"'));
  segue.write(call('"third"'));
  await segue.client.request('ping'); // both have arrived
  process.kill(player.pid, 'SIGKILL');
  expect(await done).toMatchObject({ success: true, requests: { buffered: 2, repeated: 1 } });
  const lines = await segue.workerHeard(call('"third"'));
  expect(lines.filter((line) => line.startsWith('{"method":"tools/call"'))).toEqual(
    ['"first"', '"first"', '"second"', '"third"'].map(call),
  );
});

shows('F21', 'in a list only what is ours is put in; the rest stays as it was written', async () => {
  const segue = await wire();
  const tools = [`{"inputSchema" : {"type":"object","maximum":${BIG}},"name":"\\u0061","é":1.0}`];
  const list = `{"result":{"x":[1.0],"tools" : [${tools[0]}],"_meta":{"n":${BIG}}} ,"id":"list","jsonrpc":"2.0"}`;
  segue.write('{"jsonrpc":"2.0","id":"list","method":"tools/list","params":{"test/hear":true}}');
  segue.workerSays(list);
  const line = (await segue.heard.next((bytes) => bytes.includes('"id":"list"'))).toString();
  const at = line.indexOf(tools[0]!);
  const ours = line.slice('{"result":{"x":[1.0],"tools" : ['.length, at);
  expect(JSON.parse(`[${ours}null]`)).toHaveLength(6); // the five tools, and the null that ends them here
  expect(line.replace(ours, '')).toBe(list);
});
