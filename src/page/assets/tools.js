/** What the last reboot changed of the tools, and what waits for approval (F65). */
import { byId, h } from './dom.js';

const SIGNS = { added: '+', changed: '~', removed: '−' };
let drawn = '';

export function drawTools({ overview, mayAct }, run) {
  const held = overview.status.held_tools ?? [];
  const report = overview.history.find(
    ({ tools_changed: t }) => t.added.length + t.removed.length + t.changed.length > 0,
  );
  byId('tools-card').hidden = !report && held.length === 0;
  const now = JSON.stringify([report?.reboot_id, held, mayAct]);
  if (now === drawn) return;
  drawn = now;
  byId('tools-of').textContent = report ? `changed by ${report.reboot_id.slice(0, 8)}` : '';
  const waits = new Set(held.map((tool) => tool.name ?? tool));
  const lines = Object.entries(SIGNS).flatMap(([kind, sign]) =>
    (report?.tools_changed[kind] ?? []).map((name) => {
      const note = waits.has(name) ? ' waits for approval' : '';
      waits.delete(name);
      return line(kind, sign, name, note);
    }),
  );
  const rest = [...waits].map((name) => line('changed', '~', name, ' waits for approval'));
  const approve = h(
    'button.primary',
    { type: 'button', id: 'approve', onclick: () => run('approve') },
    'Approve',
  );
  byId('tools').replaceChildren(
    h('ul', {}, ...lines, ...rest),
    ...(held.length > 0 && mayAct ? [approve] : []),
  );
}

function line(kind, sign, name, note) {
  return h(
    'li',
    { 'data-kind': kind },
    h('b', { 'aria-label': kind }, sign),
    h('span.mono', {}, name),
    h('span.hint', {}, note),
  );
}
