import { createInterface } from 'node:readline';
import { describe, expect, it, vi } from 'vitest';
import { type Env, systemEnv } from '../../src/env.ts';
import { workerEnvironment } from '../../src/worker/environment.ts';
import { isSame } from '../../src/worker/process.ts';
import { shows } from '../support/shows.ts';
import { fixture, line, recordingEnv, start } from './fixture.ts';

const alive = (pid: number) => {
  const facts = systemEnv.process(pid);
  return facts !== null && !facts.zombie;
};

describe('a worker process', () => {
  shows('F58', 'gets its argv as given: nothing reads it on the way', async () => {
    const argv = ['a b', '"q"', "it's", '$(touch /x)', '`id`', '; rm', '*', '', '\\n', 'ü\n'];
    const worker = await start(fixture('prints-itself', ...argv));
    expect(JSON.parse(await line(worker)).argv).toEqual(argv);
  });

  shows('F60', 'sees what the configuration allows, and its marker', async () => {
    const inherited = { PATH: '/bin', HOME: '/h', AWS_SECRET: 'x', SEGUE_KEY: 'k', SEGUE_WORKER: 'outer/1' };
    const config = { allow: ['HOME', 'SEGUE_KEY', 'NOT_THERE'], set: { MODE: 'test' } };
    const environment = workerEnvironment(config, inherited, 'inst/4');
    const worker = await start(fixture('prints-itself'), { environment, generation: 4 });
    expect(JSON.parse(await line(worker)).env).toEqual({ HOME: '/h', MODE: 'test', SEGUE_WORKER: 'inst/4' });
  });

  it('sees the whole environment where it is passed on, but what is meant for Segue alone', () => {
    const forSegue = {
      SEGUE_KEY: 'k',
      LISTEN_FDS: '1',
      LISTEN_PID: '7',
      NOTIFY_SOCKET: '/s',
      WATCHDOG_USEC: '9',
    };
    const inherited = { PATH: '/bin', AWS_SECRET: 'x', ...forSegue, UNSET: undefined };
    expect(workerEnvironment({ allow: 'pass', set: { SEGUE_WORKER: 'no' } }, inherited, 'i/1')).toEqual({
      PATH: '/bin',
      AWS_SECRET: 'x',
      SEGUE_WORKER: 'i/1',
    });
  });

  it('is itself and nobody else, and tells its memory while it lives', async () => {
    const [one, two] = await Promise.all([start(fixture('exits-on-eof')), start(fixture('exits-on-eof'))]);
    await Promise.all([line(one), line(two)]);
    expect(one.pid).not.toBe(two.pid);
    expect(one.rssBytes()).toBeGreaterThan(1_000_000);
    await one.stop({ soft: false });
    expect(one.rssBytes()).toBeNull();
    expect(isSame(systemEnv, one)).toBe(false);
    expect(isSame(systemEnv, two)).toBe(true);
    expect(two.exit).toBeNull();
  });

  it('loses what is written to it after its end, and nothing else happens', async () => {
    const worker = await start(fixture('last-words'));
    worker.stdout.resume();
    worker.stdin.write('x'.repeat(1_000_000));
    expect(await worker.exited).toMatchObject({ code: 3, own: true });
    worker.stdin.write('late');
    worker.stdin.end();
  });
});

describe('the exit of a worker', () => {
  shows('M3', 'comes after its last words on stdout and stderr', async () => {
    const worker = await start(fixture('last-words'));
    let stdout = '';
    worker.stdout.on('data', (chunk) => (stdout += chunk));
    const exit = await worker.exited;
    expect(exit).toMatchObject({ generation: 1, code: 3, signal: null, own: true });
    expect(stdout).toMatch(/^x{100000}last answer\n$/);
    expect(worker.stderrTail()).toBe('why I died');
    expect(worker.exit).toBe(exit);
  });

  it('comes after its last words for a reader that has paused, too', async () => {
    const worker = await start(fixture('last-words'));
    let stdout = '';
    worker.stdout.on('data', (chunk) => (stdout += chunk));
    worker.stdout.pause();
    await worker.exited;
    expect(stdout).toMatch(/last answer\n$/);
  });

  it('loses no last word when the loop was blocked until the wait for the pipes is over', async () => {
    const blocked = new Int32Array(new SharedArrayBuffer(4));
    const env: Env = {
      ...systemEnv,
      timer(_ms, fn, options) {
        const cancel = systemEnv.timer(0, fn, options);
        Atomics.wait(blocked, 0, 0, 20); // the timer is due now, before anything can be read
        return cancel;
      },
    };
    const worker = await start(fixture('last-words'), {}, env);
    let stdout = '';
    worker.stdout.on('data', (chunk) => (stdout += chunk));
    worker.stdout.pause();
    await worker.exited;
    expect(stdout).toMatch(/last answer\n$/);
  });

  shows('F8', 'does not wait for a grandchild that holds stdout, and ends it', async () => {
    const worker = await start(fixture('leaves-grandchild'));
    const grandchild = Number(await line(worker));
    expect(await worker.exited).toMatchObject({ code: 5, own: true });
    await vi.waitFor(() => expect(alive(grandchild)).toBe(false), 10_000);
  });

  shows('F9', 'does not wait for a grandchild that left the group: it lives on, cut off', async () => {
    const worker = await start(fixture('leaves-grandchild', 'setsid'));
    const grandchild = Number(await line(worker));
    try {
      expect(await worker.exited).toMatchObject({ code: 5, own: true });
      expect(alive(grandchild)).toBe(true);
      expect(worker.stdout.destroyed).toBe(true);
      expect(worker.stdout.readableEnded).toBe(false);
    } finally {
      systemEnv.kill(grandchild, 'SIGKILL');
    }
  });

  shows('F10', 'is not followed by a kill of a group that a stranger leads', async () => {
    const env = recordingEnv();
    let reused = false;
    env.process = (pid) =>
      reused ? { pid, startTime: 'later', zombie: false, rssBytes: 1 } : systemEnv.process(pid);
    const worker = await start(fixture('exits-on-eof'), {}, env);
    await line(worker);
    reused = true;
    worker.stdin.end();
    await worker.exited;
    expect(env.signals).toEqual([]);
  });
});

describe('the record of a process', () => {
  const self = { pid: process.pid, startTime: systemEnv.process(process.pid)!.startTime };

  shows('F10', 'is matched by pid, start time and boot', () => {
    expect(isSame(systemEnv, self)).toBe(true);
    expect(isSame(systemEnv, { ...self, bootId: systemEnv.bootId() })).toBe(true);
    expect(isSame(systemEnv, { ...self, startTime: `${self.startTime}0` })).toBe(false);
    expect(isSame(systemEnv, { ...self, startTime: '' })).toBe(false);
    expect(isSame(systemEnv, { ...self, bootId: 'an earlier boot' })).toBe(false);
  });

  shows('F10', 'is not matched by a zombie', async () => {
    // `cat` takes the shell's place and never waits for the child that it inherits.
    const worker = await start({ file: 'sh', args: ['-c', 'sleep 600 & echo $!; exec cat'], cwd: '/' });
    const lines = createInterface({ input: worker.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    worker.stdin.write('cat is here\n');
    await lines.next();
    systemEnv.kill(pid, 'SIGKILL');
    const facts = await vi.waitFor(() => {
      const now = systemEnv.process(pid);
      if (!now?.zombie) throw new Error('not yet a zombie');
      return now;
    }, 10_000);
    expect(isSame(systemEnv, facts)).toBe(false);
  });
});
