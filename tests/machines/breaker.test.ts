import { describe, expect, it } from 'vitest';
import { NEW, OLD } from './model.ts';
import { Play, served } from './play.ts';

const crash = (play: Play) => play.exits().done('close', { exit: null }).done('cleanup');
const broken = () => crash(served({ crashLimit: 1 }));

describe('a crash', () => {
  it('of the serving worker starts a run of its own (F2)', () => {
    const play = served().exits();
    expect(play).toMatchObject({ state: 'stopping.close', traffic: 'holding' });
    expect(play.context).toMatchObject({ run: { trigger: 'crash' }, worker: null, lastExit: { code: 1 } });
    expect(play.context.crashes).toHaveLength(1);
    expect(play.context.errors).toMatchObject([{ phase: 'idle', message: 'The worker exited with code 1.' }]);
    expect(play.through('idle').context.lastRun).toMatchObject({ rebootId: 'crash-1', outcome: 'completed' });
  });

  it('is also a worker that hangs: it is killed (F14, F22, F24)', () => {
    const play = served().hangs();
    expect(play).toMatchObject({ state: 'stopping.kill', context: { run: { trigger: 'unhealthy' } } });
    expect(play.context.crashes).toHaveLength(1);
    expect(play.context.errors).toMatchObject([{ message: 'It hangs.' }]);
  });

  it('counts only within the window, and not after a stable run', () => {
    const play = served({ crashLimit: 9, crashWindowMs: 1_000 });
    crash(play).through('idle');
    crash(play.wait(500)).through('idle');
    expect(play.context.crashes).toHaveLength(2);
    crash(play.wait(1_000)).through('idle');
    expect(play.context.crashes).toHaveLength(1);
    const stable = served({ crashLimit: 9, crashWindowMs: 1_000_000 });
    crash(crash(stable).through('idle')).through('idle');
    expect(crash(stable.wait(60_001)).context.crashes).toHaveLength(1);
  });
});

describe('the breaker', () => {
  it('opens after so many crashes and refuses (F12)', () => {
    const play = served({ crashLimit: 5 });
    for (let crashes = 1; crashes < 5; crashes += 1) {
      expect(crash(play).state).toBe('starting.spawn');
      play.through('idle');
    }
    expect(crash(play)).toMatchObject({ state: 'broken', traffic: 'refusing' });
    expect(play.context.lastRun).toMatchObject({ outcome: 'broken' });
    expect(play.context.waitUntil).toBe(play.context.phaseStartedAt + 30_000);
    expect(play.message).toContain('exited with code 1');
  });

  it('tries one start after the cool-down, and a stable run forgets it (F12)', () => {
    const play = broken().overdue('coolDown');
    expect(play).toMatchObject({ state: 'starting.spawn', traffic: 'holding' });
    expect(play.context).toMatchObject({
      halfOpen: true,
      lastRun: null,
      run: { trigger: 'half_open', startedAt: play.now },
    });
    expect(play.context.run?.deadlineAt).toBe(play.now + 30_000);
    expect(play.through('idle').context).toMatchObject({ halfOpen: true, lastRun: { outcome: 'completed' } });
    crash(play.wait(60_001));
    expect(play.context).toMatchObject({ halfOpen: false });
  });

  it('opens again when the trial start fails, or its worker crashes before it was stable (F12)', () => {
    const failing = broken().overdue('coolDown').fail('spawn').done('kill').done('cleanup');
    expect(failing).toMatchObject({ state: 'broken', context: { lastRun: { outcome: 'broken' } } });
    const crashing = served({ crashLimit: 2 });
    crash(crash(crashing).through('idle')).overdue('coolDown').through('idle');
    expect(crash(crashing).state).toBe('broken');
  });

  it('lets the trial roll back to the last good command', () => {
    const play = served({ crashLimit: 1 }).request({}, NEW).through('reconnect');
    // Made good, then crashing, then replaced in vain.
    play.through('idle');
    crash(play);
    play.reset(OLD).fail('spawn', { permanent: true }).done('kill').done('cleanup');
    expect(play).toMatchObject({ state: 'starting.spawn', context: { command: NEW, rolledBack: true } });
  });

  it('is closed by a reset or a request, with a new command if one is given', () => {
    expect(broken().reset()).toMatchObject({
      state: 'starting.spawn',
      traffic: 'holding',
      context: { crashes: [] },
    });
    const play = broken().request({}, NEW);
    expect(play).toMatchObject({
      state: 'starting.spawn',
      context: { command: NEW, lastGood: OLD, halfOpen: false },
    });
    expect(play.through('idle').context.lastRun).toMatchObject({ outcome: 'completed' });
  });

  it('fails for good where the cool-down cannot be waited for', () => {
    expect(broken().fail('deadline.coolDown')).toMatchObject({ state: 'failed', context: { run: null } });
  });

  it('does not count starts that fail', () => {
    const play = new Play({ maxAttempts: 3, crashLimit: 1 });
    for (let tries = 0; tries < 2; tries += 1)
      play.fail('spawn').done('kill').done('cleanup').overdue('backoff');
    expect(play).toMatchObject({ state: 'starting.spawn', context: { crashes: [], attempt: 3 } });
  });
});
