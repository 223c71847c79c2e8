import { expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { type Held, HoldQueue } from '../../src/session/hold.ts';
import { openRequest } from '../../src/session/requests.ts';
import { parse } from '../../src/wire/message.ts';

const LIMITS = { holdRequests: 1_000, holdBytes: 1_000_000, holdMs: 1_000 };

function held(id: number): Held {
  const message = parse(Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`));
  if (message.kind !== 'request') throw new Error(message.kind);
  return { bytes: message.bytes, request: openRequest(systemEnv, message) };
}

/** Time passes when the test says so. */
function clocked() {
  let now = 0;
  let due: (() => void) | null = null;
  const timer = (_: number, then: () => void) => {
    due = then;
    return () => {
      due = null;
    };
  };
  const env = { ...systemEnv, monotonic: () => now, timer };
  return {
    env,
    at(ms: number) {
      now = ms;
      due?.();
    },
  };
}

it('finds a held request by its key wherever it stands, and keeps the order of the others', () => {
  const queue = new HoldQueue(systemEnv, LIMITS, () => {});
  for (const id of [3, 4, 5]) queue.add(held(id));
  queue.add({ bytes: Buffer.from('{}'), request: null });
  queue.putBack([held(1), held(2)]);
  expect(queue.find('2')?.key).toBe('2');
  expect(queue.remove('4')?.key).toBe('4');
  expect(queue.remove('4')).toBeUndefined();
  expect(queue.find('4')).toBeUndefined();
  expect(queue.shift()?.request?.key).toBe('1');
  expect(queue.find('1')).toBeUndefined();
  expect(queue.requests().map(({ key }) => key)).toEqual(['2', '3', '5']);
  queue.takeRequests();
  expect([queue.find('2'), queue.size, queue.bytes]).toEqual([undefined, 0, 0]);
});

it('answers those that have waited too long and keeps what came later, and what needs no answer (F38)', () => {
  const clock = clocked();
  const expired: string[] = [];
  const queue = new HoldQueue(clock.env, LIMITS, ({ key }) => expired.push(key));
  const [first, second, third] = [held(1), held(2), held(3)];
  for (const [item, at] of [
    [first, 0],
    [second, 500],
    [third, 900],
  ] as const) {
    item!.request!.arrivedAt = at;
    queue.add(item!);
  }
  queue.add({ bytes: Buffer.from('{}'), request: null });
  clock.at(1_500);
  expect(expired).toEqual(['1', '2']);
  expect([queue.find('1'), queue.find('3')?.key, queue.size]).toEqual([undefined, '3', 2]);
  clock.at(1_900);
  expect(expired).toEqual(['1', '2', '3']);
  expect([queue.size, queue.bytes]).toEqual([1, 2]);
  queue.takeRequests();
});
