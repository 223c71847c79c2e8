import { describe, expect, it } from 'vitest';
import { NEW, OLD } from './model.ts';
import { Play, served } from './play.ts';

describe('a reboot', () => {
  it('goes through the eight phases in order, and its gate with it (B2, C6)', () => {
    const play = served().request();
    const seen: [string, string, number][] = [];
    for (let steps = 0; steps < 8; steps += 1) {
      seen.push([play.state, play.traffic, play.progress]);
      const phase = play.state.split('.').at(-1) ?? '';
      if (phase === 'spawn') play.spawned();
      else play.done(phase);
    }
    expect(seen).toEqual([
      ['alive.preparing.maintenance', 'open', 0],
      ['alive.preparing.suspend', 'draining', 5],
      ['alive.preparing.serialize', 'holding', 25],
      ['stopping.close', 'holding', 35],
      ['stopping.cleanup', 'holding', 50],
      ['starting.spawn', 'holding', 55],
      ['alive.warming.restore', 'holding', 80],
      ['alive.warming.reconnect', 'replaying', 90],
    ]);
    expect([play.state, play.traffic, play.progress]).toEqual(['alive.idle', 'open', 100]);
    expect(play.context).toMatchObject({ run: null, generation: 2, lastRun: { outcome: 'completed' } });
  });

  it('skips suspend, and the soft ends of close, when it is not graceful', () => {
    const play = served().request({ graceful: false }).done('maintenance');
    expect(play.state).toBe('alive.preparing.serialize');
    expect(play.through('close').input('close')).toMatchObject({ graceful: false, wait: true });
  });

  it('tells maintenance the command that comes, and runs the old one until close', () => {
    const play = served().request({}, NEW);
    expect(play.input('maintenance').command).toEqual(NEW);
    expect(play.context.command).toEqual(OLD);
    expect(play.through('close').context).toMatchObject({ command: NEW, lastGood: OLD, nextCommand: null });
    expect(play.through('idle').context).toMatchObject({ command: NEW, lastGood: NEW });
  });

  it('is not disturbed by a second request (F33)', () => {
    const play = served().request();
    for (const phase of ['suspend', 'close', 'spawn', 'reconnect'] as const) {
      const before = play.through(phase).actor.getSnapshot();
      expect(play.request({}, NEW).actor.getSnapshot()).toBe(before);
    }
    expect(play.through('idle').context.lastRun).toMatchObject({
      rebootId: 'request-1',
      outcome: 'completed',
    });
  });

  it('serializes although the drain failed or never ended (F40)', () => {
    for (const play of [
      served().request().through('suspend').fail('suspend'),
      served().request().through('suspend').overdue('suspend'),
    ]) {
      expect(play.state).toBe('alive.preparing.serialize');
      expect(play.context.errors).toMatchObject([{ phase: 'suspend' }]);
    }
  });

  it('counts a worker that dies while preparing as stopped, not as crashed (F3)', () => {
    for (const phase of ['maintenance', 'suspend', 'serialize'] as const) {
      const play = served().request({}, NEW).through(phase).exits();
      expect(play.state).toBe('stopping.close');
      expect(play.context).toMatchObject({ crashes: [], command: NEW, worker: null, lastExit: { code: 1 } });
      expect(play.context.errors).toMatchObject([{ name: 'WorkerExited', phase: 'close' }]);
      expect(play.through('idle').context.lastRun).toMatchObject({
        rebootId: 'request-1',
        outcome: 'completed',
      });
    }
  });

  it('only notes an exit while it stops, and none of another generation (F3, F28)', () => {
    const play = served().request().through('close').exits(3);
    expect(play).toMatchObject({ state: 'stopping.close', context: { lastExit: { code: 3 }, worker: null } });
    const next = served();
    expect(next.exits(1, 0).state).toBe('alive.idle');
    expect(next.hangs(0).state).toBe('alive.idle');
    expect(next.context.lastExit).toBeNull();
  });

  it('kills a worker that hangs while preparing', () => {
    const play = served().request().through('suspend').hangs();
    expect(play).toMatchObject({ state: 'stopping.kill', traffic: 'holding' });
    expect(play.through('idle').context.lastRun).toMatchObject({ rebootId: 'request-1' });
  });

  it('kills what does not close, and cleans up after it (F7, B5)', () => {
    for (const play of [
      served().request().through('close').fail('close'),
      served().request().through('close').overdue('close'),
    ]) {
      expect(play.state).toBe('stopping.kill');
      expect(play.done('kill').state).toBe('stopping.cleanup');
      expect(play.through('idle').context.errors).toMatchObject([{ phase: 'close' }]);
    }
  });

  it('gives up on a worker that does not die, and a reset kills it first (F7)', () => {
    for (const play of [
      served().request().through('close').fail('close').fail('kill'),
      served().request().through('close').fail('close').overdue('kill'),
    ]) {
      expect(play).toMatchObject({ state: 'failed', traffic: 'refusing', context: { run: null } });
      expect(play.message).toContain('would not die');
      expect(play.context.lastRun).toMatchObject({ rebootId: 'request-1', outcome: 'failed' });
      expect(play.reset().state).toBe('stopping.kill');
      expect(play.through('idle').context.lastRun).toMatchObject({ outcome: 'completed' });
    }
  });

  it('goes on when cleanup fails', () => {
    for (const play of [
      served().request().through('cleanup').fail('cleanup'),
      served().request().through('cleanup').overdue('cleanup'),
    ]) {
      expect(play.state).toBe('starting.spawn');
      expect(play.context.errors).toMatchObject([{ phase: 'cleanup' }]);
    }
  });
});

describe('overlap', () => {
  it('goes on after the fence and reaps the old worker beside the new one', () => {
    const play = served({ handover: 'overlap' }).request().through('close');
    expect(play.input('close')).toMatchObject({ wait: false });
    play.done('close', { exit: null });
    expect(play).toMatchObject({ state: 'stopping.cleanup', reaping: 'reaping' });
    expect(play.context).toMatchObject({ worker: null, reaping: { generation: 1 } });
    play.through('idle');
    expect(play.reaping).toBe('reaping');
    expect(play.context.worker).toMatchObject({ generation: 2 });
    // One at a time: the second waits in close.
    expect(play.request().through('close').input('close')).toMatchObject({ wait: true });
    play.done('reap');
    expect(play).toMatchObject({ reaping: 'none', state: 'stopping.close', context: { reaping: null } });
  });

  it('is allowed by the worker for its own reboot, and asked anew for the next', () => {
    const play = served().request().done('maintenance', { overlaps: true }).through('close');
    expect(play.input('close')).toMatchObject({ wait: false });
    play.done('close', { exit: null });
    expect(play).toMatchObject({ state: 'stopping.cleanup', reaping: 'reaping' });
    play.through('idle').done('reap');
    const next = play.request().done('maintenance', { overlaps: false }).through('close');
    expect(next.input('close')).toMatchObject({ wait: true });
  });

  it('has nothing to reap when the exit was seen, and says so when reaping fails', () => {
    expect(served({ handover: 'overlap' }).request().through('cleanup').reaping).toBe('none');
    const play = served({ handover: 'overlap' }).request().through('close').done('close', { exit: null });
    play.fail('reap');
    expect(play).toMatchObject({ reaping: 'none', context: { errors: [{ phase: 'kill' }] } });
  });
});

describe('an abort', () => {
  it('is honoured before close and brings the old worker back (F34)', () => {
    for (const phase of ['maintenance', 'suspend', 'serialize'] as const) {
      const play = served().request({}, NEW).through(phase);
      const { traffic } = play;
      play.abort();
      expect(play).toMatchObject({ state: 'alive.aborting', traffic });
      expect(play.through('idle').traffic).toBe('open');
      expect(play.context).toMatchObject({ generation: 1, command: OLD, nextCommand: null, lastGood: OLD });
      expect(play.context.lastRun).toMatchObject({ rebootId: 'request-1', outcome: 'aborted' });
    }
  });

  it('is ignored from close on (F34)', () => {
    const play = served().request();
    for (const phase of ['close', 'cleanup', 'spawn', 'restore', 'reconnect'] as const) {
      const before = play.through(phase).actor.getSnapshot();
      expect(play.abort().actor.getSnapshot()).toBe(before);
    }
  });

  it('comes by itself when the reboot is refused before close (F4)', () => {
    for (const play of [
      served().request({}, NEW).fail('maintenance', { code: 'PROCESS_FAILED', message: 'The standby died.' }),
      served().request({}, NEW).overdue('maintenance'),
      served().request({}, NEW).through('serialize').fail('serialize'),
      served().request({}, NEW).through('serialize').overdue('serialize'),
    ]) {
      expect(play.state).toBe('alive.aborting');
      expect(play.through('idle').context).toMatchObject({ command: OLD, generation: 1 });
      expect(play.context.lastRun).toMatchObject({ outcome: 'failed' });
      expect(play.context.errors).toHaveLength(1);
    }
  });

  it('that cannot be undone replaces the worker by one of the same command', () => {
    for (const play of [
      served().request({}, NEW).through('serialize').abort().fail('undo'),
      served().request({}, NEW).through('serialize').abort().overdue('undo'),
      served().request({}, NEW).through('serialize').abort().hangs(),
    ]) {
      expect(play.state).toBe('stopping.kill');
      expect(play.through('idle').context).toMatchObject({ command: OLD, generation: 2, crashes: [] });
      expect(play.context.lastRun).toMatchObject({ rebootId: 'request-1', outcome: 'aborted' });
      expect(play.context.errors).toMatchObject([{ phase: 'undo' }]);
    }
    expect(served().request().abort().exits().state).toBe('stopping.close');
  });

  it('of a reboot that began before the first answer goes back to waiting for it', () => {
    const play = new Play().spawned(false).request({}, NEW).abort().done('undo');
    expect(play).toMatchObject({ state: 'alive.opening', traffic: 'open' });
    expect(play.context.lastRun).toMatchObject({ rebootId: 'request-1', outcome: 'aborted' });
    expect(play.done('opening').context).toMatchObject({ command: OLD, lastRun: { outcome: 'aborted' } });
  });
});

describe('an emergency', () => {
  const places: [string, () => Play][] = [
    ['spawn', () => new Play()],
    ['opening', () => new Play().spawned(false)],
    ['idle', () => served()],
    ['suspend', () => served().request().through('suspend')],
    ['aborting', () => served().request().abort()],
    ['close', () => served().request().through('close')],
    ['kill', () => served().hangs()],
    ['cleanup', () => served().request().through('cleanup')],
    ['reconnect', () => served().request().through('reconnect')],
    ['backoff', () => new Play().fail('spawn').through('cleanup').done('cleanup')],
    ['broken', () => served({ crashLimit: 1 }).exits().through('cleanup').done('cleanup')],
    ['failed', () => new Play().fail('spawn', { permanent: true }).through('cleanup').done('cleanup')],
  ];
  for (const [place, make] of places)
    it(`kills at once from ${place} and starts again (B6)`, () => {
      const play = make();
      expect(play.state).toMatch(new RegExp(`${place}$`));
      expect(play.emergency()).toMatchObject({ state: 'stopping.kill', traffic: 'holding' });
      expect(play.through('idle').context).toMatchObject({ crashes: [], halfOpen: false });
      expect(play.context.lastRun).toMatchObject({ outcome: 'completed' });
    });

  it('joins the run that is going on', () => {
    const play = served().request({}, NEW).through('suspend').emergency();
    expect(play.context).toMatchObject({ command: NEW, run: { rebootId: 'request-1', graceful: false } });
    expect(served().emergency().context.run?.rebootId).toBe('request-1');
  });
});

describe('a shutdown', () => {
  const places: [string, () => Play][] = [
    ['spawn', () => new Play()],
    ['opening', () => new Play().spawned(false)],
    ['idle', () => served()],
    ['suspend', () => served().request().through('suspend')],
    ['aborting', () => served().request().abort()],
    ['close', () => served().request().through('close')],
    ['reconnect', () => served().request().through('reconnect')],
    ['broken', () => served({ crashLimit: 1 }).exits().through('cleanup').done('cleanup')],
    ['failed', () => new Play().fail('spawn', { permanent: true }).through('cleanup').done('cleanup')],
  ];
  for (const [place, make] of places)
    it(`ends everything from ${place}, and nothing wakes it again`, () => {
      const play = make().shutdown();
      expect(play).toMatchObject({ state: 'ending', traffic: 'refusing', context: { run: null } });
      expect(play.emergency().shutdown().request().exits().state).toBe('ending');
      expect(play.done('farewell').state).toBe('ended');
      expect(play.emergency().shutdown().request().reset().exits().state).toBe('ended');
      expect(play.services).toEqual([]);
      expect(play.actor.getSnapshot().status).toBe('active');
    });

  it('ends although the farewell fails or hangs', () => {
    expect(served().shutdown().fail('farewell').state).toBe('ended');
    expect(served().shutdown().overdue('farewell').state).toBe('ended');
  });

  it('is the outcome of the run that it cuts off, and of no other', () => {
    expect(served().request().through('close').shutdown().context.lastRun).toMatchObject({
      outcome: 'aborted',
    });
    expect(served().shutdown().context.lastRun).toMatchObject({ rebootId: 'first', outcome: 'completed' });
  });
});
