/** The log as it is written: the last lines, from a level on, followed until the reader stops it. */
import { byId, h } from './dom.js';
import { clock } from './time.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];
const MAX_LINES = 500;
let follows = true;

export function wireLog() {
  const list = byId('log');
  byId('level').addEventListener('change', (event) => {
    list.dataset.level = event.target.value;
    end();
  });
  list.dataset.level = byId('level').value;
  byId('follow').addEventListener('click', () => setFollow(!follows));
  // Whoever scrolls up wants to read.
  list.addEventListener('scroll', () => {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    if (follows !== atEnd && !atEnd) setFollow(false);
  });
}

function setFollow(on) {
  follows = on;
  byId('follow').setAttribute('aria-pressed', String(on));
  end();
}

function end() {
  if (follows) byId('log').scrollTop = byId('log').scrollHeight;
}

export const clearLog = () => byId('log').replaceChildren();

export function addLine({ level, time, msg, ...fields }) {
  const list = byId('log');
  const word = LEVELS.includes(level) ? level : 'info';
  const more = Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  list.append(
    h(
      'p',
      { 'data-level': word },
      h('time.num', {}, time ? clock(time) : ''),
      h('b', {}, word),
      h('span', {}, msg ?? '', h('span.hint', {}, more === '' ? '' : ` ${more}`)),
    ),
  );
  while (list.children.length > MAX_LINES) list.firstElementChild.remove();
  end();
}
