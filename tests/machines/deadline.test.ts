import { describe, expect, it } from 'vitest';
import { timeOf } from '../../machines/deadline.ts';
import { done, settings } from './model.ts';
import { Play as FirstStart, type Play, served } from './play.ts';

/** What a state's deadline was given: the time from the state's entry, and the longest that it may ever take. */
function deadline(play: Play, id: string): number {
  const { at, maxMs } = play.input(`deadline.${id}`) as { at: number; maxMs: number };
  expect(at).toBe(play.context.phaseStartedAt + maxMs);
  return maxMs;
}

const HOUR_MS = 3_600_000;

describe('deadlines (F41)', () => {
  it('are the budgets of the phases, while the run has time', () => {
    const play = served().request({ timeoutMs: 300_000, deadlineAt: 2_000_000 });
    const budgets: Record<string, number> = {};
    for (const phase of [
      'maintenance',
      'serialize',
      'close',
      'cleanup',
      'spawn',
      'restore',
      'reconnect',
    ] as const)
      budgets[phase] = deadline(play.through(phase), phase);
    expect(budgets).toEqual({
      maintenance: settings.maintenanceMs,
      serialize: settings.serializeMs,
      close: settings.closeMs,
      cleanup: settings.cleanupMs,
      // The service is told one second less: it knows the cause.
      spawn: settings.startMs + 1_000,
      restore: settings.restoreMs,
      reconnect: settings.reconnectMs,
    });
  });

  it('are cut by the deadline of the run, but never below a second', () => {
    const play = served().request({ timeoutMs: 10_000, deadlineAt: 1_003_000 }).through('serialize');
    expect(deadline(play, 'serialize')).toBe(1_003_000 - play.context.phaseStartedAt);
    play.wait(60_000).through('close');
    expect(deadline(play, 'close')).toBe(1_000);
  });

  it('do not cut an undo, a kill or a farewell', () => {
    const late = () => served().request({ timeoutMs: 0, deadlineAt: 0 });
    expect(deadline(late().abort(), 'undo')).toBe(settings.undoMs);
    expect(deadline(late().hangs(), 'kill')).toBe(settings.killMs);
    expect(deadline(late().shutdown(), 'farewell')).toBe(settings.killMs);
  });

  it('let the drain take what the request gave it, up to the cap', () => {
    const drain = (ms: number) => {
      const play = served();
      return play.request({ drainUntil: play.now + 20 + ms }).through('suspend');
    };
    expect(deadline(drain(4_000), 'suspend')).toBe(5_000);
    expect(deadline(drain(HOUR_MS), 'suspend')).toBe(settings.drainCapMs + 1_000);
    expect(deadline(drain(-HOUR_MS), 'suspend')).toBe(1_000);
  });

  it('give the drain back what a standby took to start, but no more than a third of what is left', () => {
    const drain = (standbyMs: number, leftMs: number) => {
      const play = served();
      play.request({ drainUntil: play.now + 20 + 4_000, deadlineAt: play.now + 20 + standbyMs + leftMs });
      return play.wait(standbyMs).done('maintenance', { overlaps: true, standbyMs });
    };
    expect(deadline(drain(3_000, HOUR_MS), 'suspend')).toBe(5_000);
    expect(deadline(drain(20_000, HOUR_MS), 'suspend')).toBe(5_000);
    expect(deadline(drain(20_000, 6_000), 'suspend')).toBe(3_000);
    expect(deadline(drain(20_000, 0), 'suspend')).toBe(1_000);
    // Never less than without a standby.
    expect(deadline(drain(0, 6_000), 'suspend')).toBe(5_000);
  });

  it('stay sane when the clock jumps in the middle of a run', () => {
    for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
      const play = served().request().wait(jumpMs);
      for (const phase of [
        'suspend',
        'serialize',
        'close',
        'cleanup',
        'spawn',
        'restore',
        'reconnect',
      ] as const) {
        const maxMs = deadline(play.through(phase), phase);
        expect(maxMs).toBeGreaterThanOrEqual(1_000);
        expect(maxMs).toBeLessThanOrEqual(settings.startMs + 1_000);
      }
    }
  });

  it('come at once where they cannot be waited for', () => {
    expect(new FirstStart().fail('deadline.spawn').state).toBe('stopping.kill');
  });
});

describe('the time of an event', () => {
  it('is found wherever it says so', () => {
    expect(timeOf({ type: 'a', at: 1 }, 9)).toBe(1);
    expect(timeOf(done('b', { at: 2 }), 9)).toBe(2);
    expect(timeOf({ type: 'c', error: { at: 3 } }, 9)).toBe(3);
    expect(timeOf({ type: 'd', run: { startedAt: 4 } }, 9)).toBe(4);
    expect(timeOf({ type: 'e', exit: { at: 5 }, run: { startedAt: 4 } }, 9)).toBe(5);
  });

  it('is the present one of the machine if it does not', () => {
    for (const event of [
      { output: undefined },
      { error: 'text' },
      { at: Number.NaN },
      { error: null },
      { at: '1' },
    ])
      expect(timeOf({ type: 'x', ...event }, 9)).toBe(9);
  });
});
