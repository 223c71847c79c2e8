/** The bar at the top: the state, how long it has lasted, and the buttons; and the facts at a glance. */
import { byId, h, keyed, setText } from './dom.js';
import { duration } from './time.js';

/** What a state means at a glance. */
export function toneOf(state) {
  if (state === 'alive.idle') return 'good';
  if (state === 'broken' || state === 'failed') return 'bad';
  return state.startsWith('end') || state === '' ? 'wait' : 'busy';
}

export function drawHead(page, worker) {
  const { info, status } = page.overview;
  const state = worker?.status.state ?? '';
  setText(byId('name'), info.name);
  setText(byId('state-name'), state || 'no worker');
  byId('state').dataset.tone = toneOf(state);
  setText(byId('message'), worker ? worker.status.message : 'A worker is started when a client comes.');
  document.title = `${state || 'no worker'} · ${info.name} · Segue`;
  byId('actions').hidden = !page.mayAct;
  byId('abort').disabled = !(status.abortable || worker?.status.abortable);
  byId('reset').hidden = toneOf(state) !== 'bad';
  const progress = byId('progress');
  const running = status.maintenance_mode || worker?.status.maintenance_mode === true;
  const percent = worker?.status.progress ?? 100;
  progress.hidden = !running;
  progress.setAttribute('aria-valuenow', String(percent));
  progress.firstElementChild.style.width = `${percent}%`;
  drawFacts(page.overview, worker);
  tick(page, worker);
}

/** Ten times a second: what only the clock changes. */
export function tick(page, worker) {
  if (!worker) return;
  const ms = Math.max(0, Date.now() - page.skewMs - Date.parse(worker.since));
  setText(byId('since'), ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms));
}

function drawFacts({ health, totals, history, tasks, workers }, worker) {
  const [last] = history;
  const inFlight = sum(workers, 'in_flight');
  const held = sum(workers, 'held');
  const { success_rate: rate, total_restarts: total } = totals;
  const facts = [
    ['Traffic', worker?.status.traffic ?? '–', `${inFlight} in flight, ${held} held`],
    ['Generation', worker?.status.generation ?? '–', `attempt ${worker?.status.attempt ?? 0}`],
    [
      'Last blackout',
      duration(last?.blackout_ms),
      last ? `reboot in ${duration(last.duration_ms)}` : 'no reboot yet',
    ],
    ['Reboots', total, rate === null ? 'none has ended' : `${Math.round(rate * 100)} % went well`],
    ['Probe', duration(health.checks.worker.probe_ms), health.healthy ? 'healthy' : 'not healthy'],
    ['Store', health.checks.database?.status ?? 'off', 'history and snapshots'],
    ...Object.entries(tasks ?? {}).map(([state, count]) => [`Task steps ${state}`, count, '']),
  ];
  keyed(
    byId('facts'),
    facts,
    ([name]) => name,
    ([name, value, more]) => h('div', {}, h('dt', {}, name), h('dd.num', {}, value), h('dd.hint', {}, more)),
  );
}

const sum = (workers, field) =>
  workers.flatMap(({ sessions }) => sessions).reduce((total, session) => total + session[field], 0);

export function wireActions(run) {
  byId('reboot').addEventListener('click', () => run('reboot'));
  byId('abort').addEventListener('click', () => run('abort'));
  byId('reset').addEventListener('click', () => run('reset'));
}
