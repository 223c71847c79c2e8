import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { shows } from '../support/shows.ts';
import { fixture, line, recordingEnv, start } from './fixture.ts';

/** Longer than a test may run: the step after it is never taken. */
const NEVER_MS = 600_000;

describe('the soft end of a worker', () => {
  shows('C3', 'is the end of stdin, where the worker heeds it', async () => {
    const env = recordingEnv();
    const worker = await start(fixture('exits-on-eof'), {}, env);
    await line(worker);
    const exit = await worker.stop({ soft: true, stdinEndMs: NEVER_MS, termMs: NEVER_MS });
    expect(exit).toMatchObject({ generation: 1, code: 0, signal: null, own: true });
    expect(env.signals).not.toContain('SIGTERM');
  });

  shows('C3', 'is SIGTERM next, sent once however often it is asked for', async () => {
    const env = recordingEnv();
    const worker = await start(fixture('exits-on-term'), {}, env);
    await line(worker);
    const soft = { soft: true, stdinEndMs: 1, termMs: NEVER_MS } as const;
    const [first, second] = await Promise.all([worker.stop(soft), worker.stop(soft)]);
    expect(first).toMatchObject({ code: 7, signal: null, own: false });
    expect(second).toBe(first);
    expect(env.signals.filter((signal) => signal === 'SIGTERM')).toHaveLength(1);
  });

  shows('F7 B5', 'is SIGKILL at the last deadline, and over only when the exit was seen', async () => {
    const env = recordingEnv();
    const worker = await start(fixture('ignores-eof-and-term'), {}, env);
    await line(worker);
    const stopped = worker.stop({ soft: true, stdinEndMs: 1, termMs: 1 });
    expect(worker.exit).toBeNull();
    expect(await stopped).toMatchObject({ code: null, signal: 'SIGKILL', own: false });
    expect(env.signals.slice(0, 2)).toEqual(['SIGTERM', 'SIGKILL']);
    expect(systemEnv.process(worker.pid)).toBeNull();
  });

  shows('F7', 'ends a worker that SIGSTOP has halted', async () => {
    const worker = await start(fixture('exits-on-eof'));
    await line(worker);
    systemEnv.kill(worker.pid, 'SIGSTOP');
    const exit = await worker.stop({ soft: true, stdinEndMs: 1, termMs: 1 });
    expect(exit).toMatchObject({ signal: 'SIGKILL', own: false });
  });
});

describe('the hard end of a worker', () => {
  shows('C3 B6', 'overtakes a soft one', async () => {
    const worker = await start(fixture('ignores-eof-and-term'));
    await line(worker);
    const soft = worker.stop({ soft: true, stdinEndMs: NEVER_MS, termMs: NEVER_MS });
    const hard = await worker.stop({ soft: false });
    expect(hard).toMatchObject({ signal: 'SIGKILL', own: false });
    expect(await soft).toBe(hard);
  });

  it('does nothing to a worker that has ended', async () => {
    const env = recordingEnv();
    const worker = await start(fixture('last-words'), {}, env);
    worker.stdout.resume();
    const exit = await worker.exited;
    env.signals.length = 0;
    expect(await worker.stop({ soft: false })).toBe(exit);
    expect(env.signals).toEqual([]);
  });

  shows('M3', 'is told from a kill by somebody else', async () => {
    const worker = await start(fixture('ignores-eof-and-term'));
    await line(worker);
    systemEnv.kill(worker.pid, 'SIGKILL');
    expect(await worker.exited).toMatchObject({ code: null, signal: 'SIGKILL', own: true });
  });
});
