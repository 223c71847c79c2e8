/** The phases of one reboot on its own time line, and how long its clients waited. */
import { h } from './dom.js';
import { duration } from './time.js';

export const PHASES = [
  'maintenance',
  'suspend',
  'serialize',
  'close',
  'cleanup',
  'spawn',
  'restore',
  'reconnect',
];

/** Each phase as `{name, from, to, outcome}`: its part of the whole, 0…1. */
export function spans({ phases, started_at, duration_ms }) {
  const start = Date.parse(started_at);
  const ends = phases.map((phase) => Date.parse(phase.started_at) - start + phase.duration_ms);
  const whole = Math.max(duration_ms ?? 0, ...ends, 1);
  return phases.map((phase, at) => ({
    ...phase,
    from: (Date.parse(phase.started_at) - start) / whole,
    to: ends[at] / whole,
  }));
}

function bar(name, from, to) {
  const element = h('i', { 'data-phase': name });
  element.style.left = `${(100 * from).toFixed(2)}%`;
  element.style.width = `${(100 * Math.max(to - from, 0.004)).toFixed(2)}%`;
  return element;
}

/** In one line. */
export function strip(report) {
  return h(
    'span.strip',
    { 'aria-hidden': 'true' },
    ...spans(report).map(({ name, from, to }) => bar(name, from, to)),
  );
}

/** A line for each phase. */
export function waterfall(report) {
  const rows = spans(report).map(({ name, from, to, duration_ms, outcome }) =>
    h(
      'li',
      {},
      h('span', {}, name, outcome === 'done' ? null : h('em', {}, ` ${outcome}`)),
      h('span.track', {}, bar(name, from, to)),
      h('span.r.num', {}, duration(duration_ms)),
    ),
  );
  const { blackout_ms, duration_ms } = report;
  if (blackout_ms !== undefined && duration_ms)
    rows.push(
      h(
        'li.blackout',
        {},
        h('span', {}, 'blackout'),
        // It ends with the reboot: then the gate opens.
        h('span.track', {}, bar('blackout', Math.max(0, 1 - blackout_ms / duration_ms), 1)),
        h('span.r.num', {}, duration(blackout_ms)),
      ),
    );
  return h('ol.waterfall', { 'aria-label': 'Phases' }, ...rows);
}
