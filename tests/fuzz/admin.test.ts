import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { connectAdmin } from '../../src/control/admin-client.ts';
import { startAdminServer } from '../../src/control/admin-server.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { anInfo, aReport, aStatus, fakeControl } from '../control/fake-control.ts';
import { BIG, jsonText } from '../support/json-text.ts';
import { tempHome } from '../support/launch.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

const METHODS = [
  'restart',
  'abort',
  'reset',
  'health',
  'status',
  'history',
  'report',
  'info',
  '__proto__',
  'toString',
];
const ids = ['1', '"a"', BIG, 'null', '{}', '-0'];
const request = fc
  .tuple(fc.constantFrom(...ids), fc.constantFrom(...METHODS), fc.oneof(jsonText, fc.constant('{"limit":5}')))
  .map(([id, method, params]) => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${params}}`);
const line = fc.oneof(anyBytes, request, mutated(request, 2), jsonText).map(Buffer.from);
const bytes = fc
  .array(line, { minLength: 1, maxLength: 4 })
  .map((lines) => Buffer.concat(lines.flatMap((each) => [each, Buffer.from('\n')])));

interface Answer {
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string };
}

it('answers any bytes with results and errors of JSON-RPC, and the next client as ever', async () => {
  const path = join(tempHome(), 'run', 'a.sock');
  let results = 0;
  const control = fakeControl({
    restart: async () => aReport(),
    status: () => aStatus() as never,
    info: () => anInfo(),
  });
  const server = await startAdminServer({
    path,
    control,
    log: silentLog,
    feed: new Feed(),
    principal: { id: 'admin', role: 'operator' },
  });
  onTestFinished(() => server.close());
  await fc.assert(
    fc.asyncProperty(bytes, async (sent) => {
      const socket = connect(path);
      const heard: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
      socket.end(sent);
      await once(socket, 'close');
      for (const text of Buffer.concat(heard).toString().split('\n').filter(Boolean)) {
        const { error, result } = JSON.parse(text) as Answer;
        if (error) expect(error).toMatchObject({ code: expect.any(Number), message: expect.any(String) });
        else expect(result).toBeDefined();
        if (!error) results += 1;
      }
    }),
    runs(300),
  );
  expect(results).toBeGreaterThan(0);
  const admin = await connectAdmin(path);
  onTestFinished(() => admin.close());
  await expect(admin.request('info')).resolves.toMatchObject({ name: 'demo' });
});
