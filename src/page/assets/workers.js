/** The tables of workers and of sessions. */
import { byId, h, keyed, setText } from './dom.js';
import { toneOf } from './head.js';
import { bytes, duration } from './time.js';

export function drawWorkers({ overview }, shown, choose) {
  const { workers } = overview;
  setText(byId('workers-count'), String(workers.length));
  const rows = workers.map((worker) => ({ ...worker, shown: worker === shown, several: workers.length > 1 }));
  keyed(
    byId('workers'),
    rows,
    ({ instance }) => instance,
    (worker) => workerRow(worker, choose),
  );
}

function workerRow(worker, choose) {
  const { instance, status, shown, several } = worker;
  const name = instance.slice(0, 8);
  const button = h(
    'button.link.mono',
    {
      type: 'button',
      id: `worker-${instance}`,
      'aria-pressed': shown,
      title: 'Show its statechart',
      onclick: () => choose(instance),
    },
    name,
  );
  return h(
    'tr',
    {},
    h('td.mono', {}, several ? button : name),
    h('td', {}, h('span.tag', { 'data-tone': toneOf(status.state) }, status.state)),
    h('td.r.num', {}, status.generation),
    h('td.r.num', {}, worker.pid ?? '–'),
    h('td.r.num', {}, worker.uptime_s === null ? '–' : duration(worker.uptime_s * 1_000)),
    h('td.r.num', {}, bytes(worker.rss_bytes)),
    h('td', {}, exitText(worker.last_exit)),
  );
}

function exitText(exit) {
  if (!exit) return '–';
  return exit.signal ?? `code ${exit.code}`;
}

export function drawSessions({ workers }) {
  const sessions = workers.flatMap((worker) => worker.sessions);
  setText(byId('sessions-count'), String(sessions.length));
  keyed(
    byId('sessions'),
    sessions,
    ({ id }) => id,
    ({ id, era, client, in_flight, held }) =>
      h(
        'tr',
        {},
        h('td', {}, client || '–'),
        h('td', {}, era || '–'),
        h('td.r.num', {}, in_flight),
        h('td.r.num', { 'data-tone': held > 0 ? 'busy' : null }, held),
        h('td.mono.hint', {}, id.slice(0, 8)),
      ),
  );
}
