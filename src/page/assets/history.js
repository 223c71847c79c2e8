/** The last reboots, newest first; opened, one shows its phases and what became of its requests. */
import { byId, h, keyed, setText } from './dom.js';
import { clock, duration } from './time.js';
import { PHASES, strip, waterfall } from './waterfall.js';

export function drawHistory({ history, totals }) {
  setText(
    byId('history-count'),
    history.length < totals.total_restarts
      ? `last ${history.length} of ${totals.total_restarts}`
      : `${history.length}`,
  );
  if (!byId('legend').hasChildNodes())
    byId('legend').append(...PHASES.map((name) => h('li', {}, h('i', { 'data-phase': name }), name)));
  byId('legend').hidden = history.length === 0;
  if (history.length === 0) return byId('history').replaceChildren(h('p.hint.empty', {}, 'No reboot yet.'));
  byId('history').querySelector('.empty')?.remove();
  // The newest is open until somebody closes it.
  const rows = history.map((report, at) => ({ report, newest: at === 0 }));
  keyed(byId('history'), rows, ({ report }) => report.reboot_id, row);
}

function row({ report, newest }, old) {
  const { outcome = 'running', success, reboot_id } = report;
  const tone = success === undefined ? 'busy' : success ? 'good' : 'bad';
  const details = h(
    'details',
    { open: old?.touched ? old.open : newest },
    h(
      'summary',
      { id: `reboot-${reboot_id}`, onclick: () => (details.touched = true) },
      h('span.tag', { 'data-tone': tone }, outcome.replaceAll('_', ' ')),
      h('time.num', { datetime: report.started_at }, clock(report.started_at)),
      h(
        'span.why',
        {},
        `${report.restart_reason.replaceAll('_', ' ')}`,
        h('span.hint', {}, ` by ${report.requested_by}`),
      ),
      strip(report),
      h('span.num.r', { title: 'Blackout: the longest that requests waited' }, duration(report.blackout_ms)),
    ),
    waterfall(report),
    facts(report, reboot_id),
  );
  details.touched = old?.touched;
  return details;
}

function facts(report, id) {
  const { requests, sessions, errors, last_exit: exit, stderr_tail: stderr } = report;
  const counts = Object.entries(requests).filter(([, count]) => count > 0);
  return h(
    'div.report',
    {},
    h(
      'p.hint',
      {},
      `${duration(report.duration_ms)} in all, ${sessions.kept} session${sessions.kept === 1 ? '' : 's'} kept`,
      sessions.lost.length > 0 ? `, ${sessions.lost.length} lost` : '',
      counts.map(([name, count]) => `, ${count} ${name}`).join(''),
      exit ? `; the old server ended with ${exit.signal ?? `code ${exit.code}`}` : '',
      report.rolled_back ? '; rolled back' : '',
      ' · ',
      h('span.mono', {}, id.slice(0, 8)),
    ),
    ...errors.map(({ code, message }) => h('p.error', {}, h('b.code', {}, code), ` ${message}`)),
    stderr && errors.length > 0
      ? h('pre', { tabindex: 0, 'aria-label': 'The last of its stderr' }, stderr)
      : null,
  );
}
