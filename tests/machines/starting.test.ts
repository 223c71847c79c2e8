import { describe, expect, it } from 'vitest';
import { NEW, OLD } from './model.ts';
import { Play, served } from './play.ts';

const OWN_EXIT = { ownExit: { code: 1, signal: null } };

/** Through kill and cleanup to the next decision. */
const decide = (play: Play) => play.done('kill').done('cleanup');

describe('the first start', () => {
  it('serves at once when the handshake went through', () => {
    const play = new Play();
    expect(play).toMatchObject({ state: 'starting.spawn', traffic: 'holding' });
    expect(play.spawned().state).toBe('alive.warming.restore');
    expect(play.input('watch')).toMatchObject({ worker: { generation: 1, pid: 101 } });
  });

  it('lets the first exchange of the client prove the worker, with an open gate', () => {
    const play = new Play().spawned(false);
    expect(play).toMatchObject({ state: 'alive.opening', traffic: 'open', progress: 100 });
    expect(play.context).toMatchObject({
      lastGood: null,
      lastRun: { rebootId: 'first', outcome: 'completed' },
    });
    expect(play.done('opening')).toMatchObject({
      state: 'alive.idle',
      context: { lastGood: OLD, run: null },
    });
  });

  it('may be rebooted before the first answer', () => {
    const play = new Play().spawned(false).request({}, NEW);
    expect(play.state).toBe('alive.preparing.maintenance');
    expect(play.through('idle').context).toMatchObject({ command: NEW, lastRun: { rebootId: 'request-1' } });
  });

  it('retries a worker that fails before its first answer, however late that is (F1)', () => {
    for (const fail of [
      (play: Play) => play.fail('opening').done('kill'),
      (play: Play) => play.hangs().done('kill'),
      (play: Play) => play.exits().done('close', { exit: null }),
    ]) {
      const play = fail(new Play().spawned(false).wait(3_600_000)).done('cleanup');
      expect(play).toMatchObject({ state: 'starting.backoff', traffic: 'holding' });
      expect(play.context).toMatchObject({
        attempt: 1,
        crashes: [],
        lastRun: null,
        run: { rebootId: 'first' },
      });
      expect(play.context.errors).toMatchObject([{ phase: 'opening' }]);
      expect(play.through('idle').context.lastRun).toMatchObject({ rebootId: 'first', outcome: 'completed' });
    }
  });
});

describe('a start that fails', () => {
  it('is killed, cleaned up and tried again after a growing wait (F1, C2)', () => {
    const play = new Play({ maxAttempts: 4 });
    const waits: unknown[] = [];
    for (let tries = 0; tries < 3; tries += 1) {
      play.fail('spawn');
      expect(play.state).toBe('stopping.kill');
      decide(play);
      expect(play.state).toBe('starting.backoff');
      expect(play.context.waitUntil).toBe(play.input('deadline.backoff').at);
      waits.push(play.input('deadline.backoff').maxMs);
      play.overdue('backoff');
    }
    expect(waits).toEqual([250, 500, 1_000]);
    expect(play.context).toMatchObject({ attempt: 4, generation: 4, waitUntil: null });
    expect(decide(play.fail('spawn')).state).toBe('failed');
  });

  it('counts the same when its deadline comes (F13)', () => {
    const play = decide(new Play().overdue('spawn'));
    expect(play.state).toBe('starting.backoff');
    expect(play.context.errors).toMatchObject([{ phase: 'spawn', code: 'TIMEOUT_EXCEEDED' }]);
  });

  it('is not tried again after the same own exit twice (F1)', () => {
    const play = decide(new Play({ maxAttempts: 9 }).fail('spawn', OWN_EXIT)).overdue('backoff');
    expect(decide(play.fail('spawn', OWN_EXIT))).toMatchObject({ state: 'failed', context: { attempt: 2 } });
  });

  it('counts own exits before the first answer too (F1)', () => {
    const play = new Play({ maxAttempts: 9 });
    const tryOnce = () => play.spawned(false).exits(7).done('close', { exit: null }).done('cleanup');
    expect(tryOnce().state).toBe('starting.backoff');
    play.overdue('backoff');
    expect(tryOnce().state).toBe('failed');
  });

  it('is tried again after different exits, or another failure between them', () => {
    const play = decide(new Play({ maxAttempts: 9 }).fail('spawn', OWN_EXIT)).overdue('backoff');
    decide(play.fail('spawn', { ownExit: { code: 2, signal: null } })).overdue('backoff');
    decide(play.fail('spawn')).overdue('backoff');
    expect(decide(play.fail('spawn', OWN_EXIT)).state).toBe('starting.backoff');
  });

  it('is not tried again when that cannot help, and the message names the cause (F15)', () => {
    const missing = { permanent: true, message: '/opt/none: no such file' };
    // A cleanup that fails behind it does not hide the cause.
    const play = new Play().fail('spawn', missing).done('kill').fail('cleanup');
    expect(play).toMatchObject({ state: 'failed', traffic: 'refusing', context: { attempt: 1 } });
    expect(play.context.errors[0]).toMatchObject(missing);
    expect(play.message).toContain('/opt/none');
  });

  it('is not tried again past the deadline of its run', () => {
    const play = new Play({ maxAttempts: 9 });
    play.now = play.context.run!.deadlineAt;
    expect(decide(play.fail('spawn')).state).toBe('failed');
  });

  it('may fail while it takes over: by error, deadline, exit or hang', () => {
    for (const phase of ['restore', 'reconnect'] as const) {
      for (const play of [
        new Play().through(phase).fail(phase),
        new Play().through(phase).overdue(phase),
        new Play().through(phase).hangs(),
      ]) {
        expect(play).toMatchObject({ state: 'stopping.kill', traffic: 'holding' });
        expect(decide(play)).toMatchObject({
          state: 'starting.backoff',
          context: { crashes: [], sameExits: 0 },
        });
        expect(play.context.errors).toMatchObject([{ phase }]);
      }
      const play = new Play().through(phase).exits();
      expect(play).toMatchObject({
        state: 'stopping.close',
        context: { worker: null, lastExit: { code: 1 } },
      });
      expect(play.done('close').done('cleanup').state).toBe('starting.backoff');
    }
  });

  it('gets its whole start time, also where the run has none left', () => {
    const play = served().request();
    play.wait(60_000).through('spawn');
    expect(play.input('spawn').deadlineAt).toBe(play.context.phaseStartedAt + 20_000);
    expect(play.input('deadline.spawn')).toMatchObject({ maxMs: 21_000 });
  });
});

describe('a rollback', () => {
  const failsTwice = (play: Play) => {
    decide(play.through('spawn').fail('spawn')).overdue('backoff');
    return decide(play.fail('spawn'));
  };

  it('starts the last good command when the new one does not start (F4)', () => {
    const play = failsTwice(served().request({}, NEW));
    expect(play).toMatchObject({
      state: 'starting.spawn',
      context: { command: OLD, rolledBack: true, attempt: 1 },
    });
    expect(play.input('spawn').command).toEqual(OLD);
    expect(play.through('idle').context).toMatchObject({ lastGood: OLD, rolledBack: true });
    expect(play.context.lastRun).toMatchObject({ rebootId: 'request-1', outcome: 'rolled_back' });
    expect(play.request().context.rolledBack).toBe(false);
  });

  it('has the whole start time, also past the deadline of the run', () => {
    const play = served().request({}, NEW).through('spawn').wait(600_000);
    decide(play.fail('spawn'));
    expect(play).toMatchObject({ state: 'starting.spawn', context: { rolledBack: true } });
    expect(play.input('spawn').deadlineAt).toBe(play.context.phaseStartedAt + 20_000);
  });

  it('happens once: then the machine has failed, and a manual restart is allowed (F4)', () => {
    const play = failsTwice(failsTwice(served().request({}, NEW)));
    expect(play).toMatchObject({
      state: 'failed',
      context: { lastRun: { outcome: 'failed' }, rolledBack: true },
    });
    play.request({}, NEW);
    expect(play.state).toBe('stopping.kill');
    expect(play.through('idle').context).toMatchObject({ command: NEW, lastRun: { outcome: 'completed' } });
  });

  it('does not happen to the same command, nor where none was ever good', () => {
    expect(failsTwice(served().request()).state).toBe('failed');
    expect(failsTwice(new Play().spawned(false).request({}, NEW)).state).toBe('failed');
  });
});
