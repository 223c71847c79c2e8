/** Who looks on costs the service no more than was agreed, whether they read or not. */
import { expect, it } from 'vitest';
import type { Control, Principal } from '../../src/control/types.ts';
import { systemEnv } from '../../src/env.ts';
import { Feed } from '../../src/observe/feed.ts';
import { silentLog } from '../../src/observe/log.ts';
import { Viewers } from '../../src/page/viewers.ts';
import { raw, serve } from '../front/http/serve.ts';
import { shows } from '../support/shows.ts';

const OPERATOR: Principal = { id: 'somebody', role: 'operator' };
const MIB = 1024 * 1024;

/** A control whose picture is empty. */
const control = {
  status: async () => ({ current_status: {}, timestamp: '' }),
  workers: async () => [],
  health: async () => ({}),
  taskCounts: async () => null,
  info: () => ({}),
} as unknown as Control;

async function watched() {
  const feed = new Feed();
  const warned = Promise.withResolvers<string>();
  const log = { ...silentLog, warn: (_: object, message: string) => warned.resolve(message) };
  const viewers = new Viewers({ control, feed, env: systemEnv, log });
  const { port, inFlight } = await serve((_, response) => viewers.add(response, OPERATOR));
  return { feed, viewers, port, inFlight, warned: warned.promise };
}

shows('F25', 'a viewer that does not read is cut; the other sees all', async () => {
  const { feed, port, inFlight, warned } = await watched();
  const slow = await raw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await slow.until('event: overview');
  slow.socket.pause();
  const quick = await raw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await quick.until('event: overview');
  const unread = () => [...inFlight].map(({ writableLength }) => writableLength);
  for (let line = 1; inFlight.size > 1; line++) {
    feed.publish({ kind: 'log', line: JSON.stringify({ line, filler: 'x'.repeat(2 * MIB) }) });
    await quick.until(`"line":${line},`);
    expect(Math.max(...unread())).toBeLessThan(11 * MIB);
    expect(line).toBeLessThan(50);
  }
  expect(await warned).toBe('a client that does not read was cut');
  feed.publish({ kind: 'log', line: '"the last"' });
  await quick.until('data: "the last"');
});

it('nobody listens to the feed, and no time runs, when the last has left', async () => {
  const { feed, viewers, port } = await watched();
  let onlookers = 0;
  const { subscribe } = feed;
  feed.subscribe = (onlooker) => {
    onlookers += 1;
    const undo = subscribe.call(feed, onlooker);
    return () => {
      onlookers -= 1;
      undo();
    };
  };
  const viewer = await raw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await viewer.until('event: overview');
  expect(onlookers).toBe(1);
  viewers.close();
  await viewer.ended;
  expect(onlookers).toBe(0);
});
