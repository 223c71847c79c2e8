import { once } from 'node:events';
import { expect, it } from 'vitest';
import { type Env, systemEnv } from '../../src/env.ts';
import { Link } from '../../src/worker/link.ts';
import { fixture, line, start } from './fixture.ts';

/** The system's env, with a record of the timers that run. */
function timingEnv(): Env & { running: Set<number>; count: number } {
  const env = {
    ...systemEnv,
    running: new Set<number>(),
    count: 0,
    timer(ms: number, fn: () => void, options?: { unref?: boolean }) {
      const id = ++env.count;
      env.running.add(id);
      const over = () => void env.running.delete(id);
      const cancel = systemEnv.timer(
        ms,
        () => {
          over();
          fn();
        },
        options,
      );
      return () => {
        over();
        cancel();
      };
    },
  };
  return env;
}

it('leaves no timer when its worker has ended: nothing holds a dead one in memory', async () => {
  const env = timingEnv();
  const worker = await start(fixture('exits-on-eof'), {}, env);
  const nothing = () => {};
  const handlers = { onMessage: nothing, onGarbage: nothing, onStale: nothing, onTrouble: nothing };
  const link = new Link(
    env,
    worker,
    { maxLineBytes: 1024, writeMs: 60_000 },
    { ...handlers, onDrain: nothing },
  );
  await line(worker);
  link.endInput();
  const closed = worker.stdin.closed ? Promise.resolve() : once(worker.stdin, 'close');
  await Promise.all([worker.exited, closed]);
  await null; // what waits for the exit has had its turn
  expect(env.count).toBeGreaterThan(0);
  expect(env.running).toEqual(new Set());
});
