/** The page: keeps the last picture that came, and hands it to those who draw their part of it. */
import { Chart } from './chart.js';
import { byId, setText } from './dom.js';
import { drawHead, tick, wireActions } from './head.js';
import { drawHistory } from './history.js';
import { addLine, clearLog, wireLog } from './log.js';
import { act, listen, setToken } from './stream.js';
import { drawTools, wireTools } from './tools.js';
import { drawSessions, drawWorkers } from './workers.js';

/** `chosen`: the worker whose states the chart shows; null: the first. */
const page = { mayAct: false, overview: null, chosen: null, skewMs: 0 };
const chart = new Chart(byId('chart'));

const shown = () => {
  const { workers } = page.overview;
  return workers.find(({ instance }) => instance === page.chosen) ?? workers[0] ?? null;
};

function draw() {
  if (!page.overview) return;
  const worker = shown();
  drawHead(page, worker);
  chart.show(worker?.status.state ?? '', worker?.status.traffic ?? '');
  setText(byId('chart-of'), page.overview.workers.length > 1 && worker ? `of worker ${short(worker)}` : '');
  drawWorkers(page, worker, (instance) => {
    page.chosen = instance;
    draw();
  });
  drawSessions(page.overview);
  drawHistory(page.overview);
  drawTools(page.overview);
}

const short = ({ instance }) => instance.slice(0, 8);

const on = {
  hello({ mayAct }) {
    page.mayAct = mayAct;
    byId('main').hidden = false;
    byId('sign-in').hidden = true;
    byId('log-card').hidden = !mayAct;
    clearLog();
    notice('');
  },
  overview(overview) {
    page.overview = overview;
    page.skewMs = Date.now() - Date.parse(overview.at);
    draw();
  },
  transition({ instance, event, from, to, at, status }) {
    const worker = page.overview?.workers.find((each) => each.instance === instance);
    if (!worker) return;
    Object.assign(worker, { status, since: at });
    if (worker !== shown()) return draw();
    if (page.overview.workers.length === 1) page.overview.status = status;
    chart.take(from, to, event, status.traffic);
    drawHead(page, worker);
  },
  log: addLine,
};

function notice(text) {
  byId('notice').hidden = text === '';
  setText(byId('notice'), text);
}

async function run(action, body) {
  notice('');
  try {
    await act(action, body);
  } catch (error) {
    notice(error.message);
  }
}

const FIRST_WAIT_MS = 500;
let waitMs = FIRST_WAIT_MS;

/** Till the tab is closed; a refusal waits for a token. */
async function follow() {
  const outcome = await listen((name, data) => {
    waitMs = FIRST_WAIT_MS;
    on[name]?.(data);
  }).catch(() => ({}));
  byId('state').dataset.tone = 'wait';
  setText(byId('state-name'), 'no connection');
  if (outcome.refused === 401 || outcome.refused === 403) return askToken(outcome);
  notice(outcome.why ?? 'The service cannot be reached; trying again.');
  setTimeout(follow, waitMs);
  waitMs = Math.min(2 * waitMs, 5_000);
}

function askToken({ refused, why }) {
  byId('main').hidden = true;
  byId('actions').hidden = true;
  setText(byId('state-name'), refused === 401 ? 'signed out' : 'not allowed');
  setText(
    byId('sign-in-why'),
    `${why ?? ''} The address that Segue logs when it starts has the token of this page in it.`,
  );
  byId('sign-in').hidden = false;
  byId('token').focus();
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value.trim());
  byId('token').value = '';
  follow();
});
wireActions(run);
wireLog();
wireTools(run);
setInterval(() => tick(page, page.overview && shown()), 100);
follow();
