import { expect, it } from 'vitest';
import { type ChartState, chartOf } from '../../machines/chart.ts';
import { rebootMachine } from '../../machines/reboot.ts';

const chart = chartOf(rebootMachine);

function flat(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(flat)];
}
const all = new Map(flat(chart).map((state) => [state.id, state]));

it('is plain JSON', () => {
  expect(JSON.parse(JSON.stringify(chart))).toEqual(chart);
});

it('tells the decisions of the gate, in order', () => {
  expect(all.get('reboot.lifecycle.starting.gate')?.transitions).toEqual([
    { event: '', guard: 'isTripped', targets: ['reboot.lifecycle.broken'] },
    { event: '', guard: 'isFirstTry', targets: ['reboot.lifecycle.starting.spawn'] },
    { event: '', guard: 'canRetry', targets: ['reboot.lifecycle.starting.backoff'] },
    { event: '', guard: 'canRollBack', targets: ['reboot.lifecycle.starting.spawn'] },
    { event: '', guard: 'isHalfOpen', targets: ['reboot.lifecycle.broken'] },
    { event: '', guard: null, targets: ['reboot.lifecycle.failed'] },
  ]);
});

it('names what a state invokes, weighs and starts with', () => {
  expect(all.get('reboot.lifecycle.alive.preparing')).toMatchObject({
    initial: 'reboot.lifecycle.alive.preparing.maintenance',
    tags: ['abortable'],
    type: 'compound',
  });
  expect(all.get('reboot.lifecycle.stopping.close')).toMatchObject({
    invokes: [
      { id: 'close', src: 'close' },
      { id: 'deadline.close', src: 'deadline' },
    ],
    meta: { phase: 'close', weight: 15 },
  });
});

it('points only at states that it has', () => {
  const targets = [...all.values()].flatMap(({ transitions }) => transitions.flatMap((each) => each.targets));
  expect(targets.filter((id) => !all.has(id))).toEqual([]);
});

it('has unique service ids', () => {
  const ids = [...all.values()].flatMap(({ invokes }) => invokes.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});
