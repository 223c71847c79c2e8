import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { systemEnv } from '../../../src/env.ts';
import { memoryJournal } from '../../../src/front/http/journal.ts';
import { EventStream } from '../../../src/front/http/legacy/event-stream.ts';
import { Unread } from '../../../src/front/http/unread.ts';
import { silentLog } from '../../../src/observe/log.ts';

/** A response as the service has it, and the end of the client that reads it. */
async function connection(): Promise<{ response: ServerResponse; client: Promise<IncomingMessage> }> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const client = new Promise<IncomingMessage>((resolve, reject) => {
    get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, resolve).on('error', reject);
  });
  const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  return { response, client };
}

it('has each event in the journal when the first byte of it goes to the client', async () => {
  const journal = memoryJournal({ eventCount: 9, eventBytes: 999, eventAgeMs: 60_000 });
  const stored: (number | undefined)[] = [];
  class Watched extends Unread {
    override write(response: ServerResponse, chunk: Buffer | string): void {
      stored.push(journal.eventsAfter('s', 'get', 0)?.length);
      super.write(response, chunk);
    }
  }
  journal.saveSession({ id: 's', principal: 'p', key: 'k', createdAt: 1, usedAt: 1, state: null });
  const unread = new Watched(1e6, silentLog);
  const stream = new EventStream({ env: systemEnv, journal, session: 's', stream: 'get', unread });
  const { response, client } = await connection();
  stream.connect(response, {}, [], false);
  for (const text of ['one', 'two', 'three']) stream.send(Buffer.from(text));
  stream.end();
  const received: Buffer[] = [];
  for await (const chunk of await client) received.push(chunk as Buffer);
  expect(Buffer.concat(received).toString()).toBe(
    'id: get-1\ndata: one\n\nid: get-2\ndata: two\n\nid: get-3\ndata: three\n\n',
  );
  expect(stored).toEqual([1, 2, 3]);
});
