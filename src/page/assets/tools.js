/** What the last reboot that changed any tools has changed of them, and what of it an operator has to approve (F65). */
import { byId, h, keyed, setText } from './dom.js';

const SIGNS = { added: '+', changed: '~', removed: '−' };

export function wireTools(run) {
  byId('approve').addEventListener('click', () => run('approve', {}));
}

export function drawTools({ history, workers }) {
  drawHeld([...new Set(workers.flatMap((worker) => worker.held_tools))].sort());
  const report = history.find((each) => namesOf(each).length > 0);
  byId('tools-card').hidden = !report;
  if (!report) return;
  setText(byId('tools-of'), `changed by ${report.reboot_id.slice(0, 8)}`);
  keyed(byId('tools'), namesOf(report), ({ kind, name }) => `${kind} ${name}`, line);
}

/** Whoever may not approve is told so by the refusal; the names are for all who see the page. */
function drawHeld(names) {
  byId('held-card').hidden = names.length === 0;
  keyed(
    byId('held'),
    names,
    (name) => name,
    (name) => h('li', {}, h('span.mono', {}, name)),
  );
}

const namesOf = ({ tools_changed: changed }) =>
  Object.keys(SIGNS).flatMap((kind) => changed[kind].map((name) => ({ kind, name })));

function line({ kind, name }) {
  return h(
    'li',
    { 'data-kind': kind, title: kind },
    h('b', { 'aria-hidden': true }, SIGNS[kind]),
    h('span.mono', {}, name),
    h('span.hint', {}, ` ${kind}`),
  );
}
