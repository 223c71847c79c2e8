/** The statechart, with the present states lit and the edge that was just taken flashing. */
import { byId, h, setText } from './dom.js';
import { flash, wireDrawing } from './drawing.js';

/** What a state is called in `data-state`: its path in the lifecycle, or that of its region. */
const pathOf = (id) => id.replace(/^reboot\.(lifecycle\.)?/, '');

/** Of one reboot, and some more. */
const MAX_EDGES = 24;

export class Chart {
  #root;
  #state = '';
  #traffic = '';
  #edges = document.createElementNS('http://www.w3.org/2000/svg', 'svg');

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#load();
    wireDrawing(() => this.#light());
  }

  async #load() {
    const response = await fetch('/page/chart.json');
    const { states } = await response.json();
    this.#root.replaceChildren(...states.filter(({ key }) => key !== 'reaping').map(box), this.#edges);
    this.#light();
  }

  /** Where the machine is, without a way that it took. */
  show(state, traffic) {
    if (state === this.#state && traffic === this.#traffic) return;
    this.#state = state;
    this.#traffic = traffic;
    this.#light();
  }

  /** The machine went from one state to another: the edge flashes. */
  take(from, to, event, traffic) {
    this.show(to, traffic);
    setText(byId('edge'), from === '' ? '' : readable(event));
    flash(from, to, event);
    const [start, end] = [this.#middleOf(from), this.#middleOf(to)];
    if (!start || !end) return;
    // In an arc, so that a way back is another line than the way there.
    const bend = Math.min(40, Math.hypot(end.x - start.x, end.y - start.y) / 3);
    const path = `M${start.x} ${start.y}Q${(start.x + end.x) / 2} ${(start.y + end.y) / 2 + (end.x < start.x ? bend : -bend)} ${end.x} ${end.y}`;
    const edge = document.createElementNS(this.#edges.namespaceURI, 'path');
    for (const [name, value] of Object.entries({
      d: path,
      'data-from': from,
      'data-to': to,
      'data-event': event,
    }))
      edge.setAttribute(name, value);
    this.#edges.append(edge);
    edge.addEventListener('animationend', () => edge.remove());
    while (this.#edges.children.length > MAX_EDGES) this.#edges.firstElementChild.remove();
  }

  #middleOf(state) {
    const box = this.#root.querySelector(`[data-state="${CSS.escape(state)}"]`)?.getBoundingClientRect();
    const origin = this.#edges.getBoundingClientRect();
    return box && { x: box.x - origin.x + box.width / 2, y: box.y - origin.y + box.height / 2 };
  }

  #light() {
    const traffic = `traffic.${this.#traffic}`;
    for (const element of byId('chart-card').querySelectorAll('[data-state]')) {
      const path = element.dataset.state;
      const lit = this.#state === path || this.#state.startsWith(`${path}.`) || traffic === path;
      element.classList.toggle('lit', lit);
      element.classList.toggle('here', lit && (this.#state === path || traffic === path));
    }
  }
}

/** XState's own events in words. */
const readable = (event) =>
  event.replace(
    /^xstate\.(done|error)\.actor\.(.+)$/,
    (_, how, service) => `${service} ${how === 'done' ? 'done' : 'failed'}`,
  );

function box({ id, key, description, states }) {
  const inside = states.length > 0 ? h('div.inside', {}, ...states.map(box)) : null;
  const name = inside ? 'div.box.group' : 'div.box';
  return h(name, { 'data-state': pathOf(id), title: description }, h('span', {}, key), inside);
}
