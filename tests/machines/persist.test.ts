import { describe, expect, it } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import { type Envelope, pack, unpack } from '../../machines/persist.ts';
import { anInput, done } from './model.ts';
import { type Play, served, silentMachine } from './play.ts';

const packed = (play: Play): Envelope => pack(play.actor.getPersistedSnapshot(), 5);

/** A snapshot with holes, for cutting into. */
interface Loose {
  status: string;
  value: { lifecycle: unknown; traffic: unknown };
  context: Record<string, unknown>;
  children: Record<string, { src: string; snapshot: Record<string, unknown> }>;
}

/** A good envelope, spoiled. */
function spoiled(spoil: (snapshot: Loose, envelope: Envelope) => void): unknown {
  const envelope = packed(served().request().through('suspend'));
  spoil(envelope.snapshot as Loose, envelope);
  return envelope;
}

function reasonOf(input: unknown): string {
  const unpacked = unpack(input);
  if (unpacked.ok) throw new Error('It was accepted.');
  return unpacked.reason;
}

describe('a packed snapshot', () => {
  it('goes on where it was, from the object and from its text', () => {
    const play = served().request().through('close');
    for (const form of [packed(play), JSON.stringify(packed(play))]) {
      const unpacked = unpack(form);
      if (!unpacked.ok) throw new Error(unpacked.reason);
      expect(unpacked.savedAt).toBe(5);
      const actor = createActor(silentMachine, { snapshot: unpacked.snapshot, input: anInput() });
      actor.start();
      expect(actor.getSnapshot().value).toEqual(play.actor.getSnapshot().value);
      actor.send(done('close', { at: 6 }) as unknown as Parameters<typeof actor.send>[0]);
      expect(actor.getSnapshot().value).toMatchObject({ lifecycle: { stopping: 'cleanup' } });
      actor.stop();
    }
  });

  it('is detached from the actor', () => {
    const play = served();
    const envelope = packed(play);
    const text = JSON.stringify(envelope);
    play.request().exits();
    expect(JSON.stringify(envelope)).toBe(text);
  });

  it('keeps what an error says', () => {
    const { snapshot } = pack({ thrown: Object.assign(new TypeError('no'), { code: 'E', at: 7 }) }, 1);
    expect(snapshot).toEqual({ thrown: { name: 'TypeError', message: 'no', code: 'E', at: 7 } });
  });

  it('survives a watch that failed', () => {
    const failing = silentMachine.provide({
      actors: {
        watch: fromCallback(() => {
          throw new Error('no watch');
        }),
      },
    });
    const actor = createActor(failing, { input: anInput() });
    actor.start();
    const worker = { generation: 1, pid: 2, startTime: '1' };
    actor.send(
      done('spawn', { at: 1, worker, validated: false }) as unknown as Parameters<typeof actor.send>[0],
    );
    const unpacked = unpack(pack(actor.getPersistedSnapshot(), 1));
    if (!unpacked.ok) throw new Error(unpacked.reason);
    const next = createActor(failing, { snapshot: unpacked.snapshot, input: anInput() });
    next.start();
    expect(next.getSnapshot()).toMatchObject({
      status: 'active',
      value: { lifecycle: { alive: 'opening' } },
    });
    expect(next.getSnapshot().context.errors[0]).toMatchObject({ phase: 'idle', message: 'no watch' });
    next.stop();
    actor.stop();
  });
});

describe('unpack refuses, with the reason (F48)', () => {
  const cases: [string, unknown, RegExp][] = [
    ['no JSON', '{"format":', /JSON/],
    ['nothing', undefined, /Invalid input/],
    ['another format', { ...packed(served()), format: 'other' }, /format/],
    ['another machine', { ...packed(served()), machine: 'task' }, /machine/],
    ['a newer schema (F47)', { ...packed(served()), schema: 2 }, /newer version: schema 2, this one knows 1/],
    ['no snapshot', { ...packed(served()), snapshot: null }, /Invalid input/],
    ['a stopped actor', spoiled((snapshot) => (snapshot.status = 'stopped')), /status/],
    ['an unknown state', spoiled(({ value }) => (value.lifecycle = 'zombie')), /does not exist.*zombie/],
    ['a state of Object', spoiled(({ value }) => (value.lifecycle = 'constructor')), /does not exist/],
    ['half a state', spoiled(({ value }) => (value.lifecycle = { alive: {} })), /does not exist/],
    ['too deep a state', spoiled(({ value }) => (value.traffic = { open: 'wide' })), /does not exist/],
    ['two states', spoiled(({ value }) => (value.lifecycle = { broken: {}, failed: {} })), /does not exist/],
    [
      'a missing region',
      spoiled(({ value }) => delete (value as { traffic?: unknown }).traffic),
      /does not exist/,
    ],
    ['a missing child', spoiled(({ children }) => delete children.suspend), /"suspend" should be running/],
    [
      'a missing deadline',
      spoiled(({ children }) => delete children['deadline.suspend']),
      /"deadline.suspend"/,
    ],
    [
      'a renamed service',
      spoiled(({ children }) => (children.suspend!.src = 'pause')),
      /runs "pause" instead/,
    ],
    [
      'a stranger',
      spoiled(({ children }) => (children.x = { ...children.watch!, src: 'y' })),
      /"y", which does not/,
    ],
    [
      'a lost input',
      spoiled(({ children }) => delete children.suspend!.snapshot.input),
      /"suspend" lost its input/,
    ],
    [
      'a stopped child',
      spoiled(({ children }) => (children.watch!.snapshot.status = 'stopped')),
      /children\.watch/,
    ],
    ['a missing field', spoiled(({ context }) => delete context.errors), /context\.errors/],
    ['a wrong field', spoiled(({ context }) => (context.generation = -1)), /context\.generation/],
    ['a lost run', spoiled(({ context }) => (context.run = null)), /A run is going on/],
    ['a lost worker', spoiled(({ context }) => (context.worker = null)), /A worker is said to live/],
  ];
  for (const [what, input, reason] of cases)
    it(what, () => {
      expect(reasonOf(input)).toMatch(reason);
    });

  it('a reaping without its worker', () => {
    const play = served({ handover: 'overlap' }).request().through('close').done('close', { exit: null });
    const envelope = packed(play);
    (envelope.snapshot as Loose).context.reaping = null;
    expect(reasonOf(envelope)).toMatch(/An old worker is said to be ending/);
  });
});

describe('migrations', () => {
  type Old = { context: { age?: string } };
  const envelope = () => packed(served());

  it('lift an old snapshot step by step', () => {
    const order: number[] = [];
    const steps = [1, 2].map((step) => (snapshot: unknown) => {
      order.push(step);
      return { ...(snapshot as Old), step };
    });
    expect(unpack(envelope(), steps)).toMatchObject({ ok: true, snapshot: { step: 2 } });
    expect(unpack({ ...envelope(), schema: 2 }, steps)).toMatchObject({ ok: true });
    expect(unpack({ ...envelope(), schema: 3 }, steps)).toMatchObject({ ok: true });
    expect(order).toEqual([1, 2, 2]);
    expect(unpack({ ...envelope(), schema: 4 }, steps)).toMatchObject({ ok: false });
  });

  it('that throw refuse it', () => {
    const lift = () => {
      throw new Error('no age');
    };
    expect(unpack(envelope(), [lift])).toEqual({ ok: false, reason: 'Error: no age' });
  });
});
