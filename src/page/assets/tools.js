/** What the last reboot that changed any tools has changed of them (F65). */
import { byId, h, keyed, setText } from './dom.js';

const SIGNS = { added: '+', changed: '~', removed: '−' };

export function drawTools({ history }) {
  const report = history.find((each) => namesOf(each).length > 0);
  byId('tools-card').hidden = !report;
  if (!report) return;
  setText(byId('tools-of'), `changed by ${report.reboot_id.slice(0, 8)}`);
  keyed(byId('tools'), namesOf(report), ({ kind, name }) => `${kind} ${name}`, line);
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
