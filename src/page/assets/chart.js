/** The statechart, with the present states lit and the edge that was just taken flashing. */
import { byId, h, setText } from './dom.js';

/** What a state is called in `data-state`: its path in the lifecycle, or that of its region. */
const pathOf = (id) => id.replace(/^reboot\.(lifecycle\.)?/, '');

export class Chart {
  #root;
  #state = '';
  #traffic = '';

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#load();
  }

  async #load() {
    const response = await fetch('/page/chart.json');
    const { states } = await response.json();
    this.#root.replaceChildren(
      ...states.filter(({ key }) => key !== 'reaping').map((region) => box(region, 0)),
    );
    this.#light();
  }

  /** Where the machine is, without a way that it took. */
  show(state, traffic) {
    if (state === this.#state && traffic === this.#traffic) return;
    this.#state = state;
    this.#traffic = traffic;
    this.#light();
  }

  /** The machine went from one state to another. */
  take(from, to, event, traffic) {
    this.show(to, traffic);
    setText(byId('edge'), from === '' ? '' : readable(event));
    for (const element of this.#root.querySelectorAll(`[data-to="${CSS.escape(to)}"]`)) {
      if (element.dataset.from === from && element.dataset.event === event) flash(element);
    }
    for (const element of this.#root.querySelectorAll('[data-state]'))
      if (element.dataset.state === from) flash(element);
  }

  #light() {
    const traffic = `traffic.${this.#traffic}`;
    for (const element of this.#root.querySelectorAll('[data-state]')) {
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

/** Again from its start, where it flashes still. */
function flash(element) {
  element.classList.remove('taken');
  element.getBoundingClientRect();
  element.classList.add('taken');
}

function box({ id, key, description, states }, depth) {
  return h(
    'div.box',
    {
      'data-state': pathOf(id),
      'data-depth': depth,
      title: description,
      class: states.length > 0 ? 'box group' : 'box',
    },
    h('span', {}, key),
    ...(states.length > 0 ? [h('div.inside', {}, ...states.map((state) => box(state, depth + 1)))] : []),
  );
}
