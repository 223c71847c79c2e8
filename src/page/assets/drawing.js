/** The statechart with all its transitions, fetched when somebody wants to see it. */
import { byId } from './dom.js';

const isIn = (state, path) => state === path || state.startsWith(`${path}.`);

/** `onDrawn`: it is there, and nothing is lit in it yet. */
export function wireDrawing(onDrawn) {
  byId('whole').addEventListener('toggle', async () => {
    const drawing = byId('drawing');
    if (!byId('whole').open || drawing.firstElementChild) return;
    const response = await fetch('/page/chart.svg');
    const { documentElement } = new DOMParser().parseFromString(await response.text(), 'image/svg+xml');
    if (!drawing.firstElementChild) drawing.append(document.adoptNode(documentElement));
    onDrawn();
  });
}

/** The edge that was taken flashes. Its ends may be states around those that the machine left and came to. */
export function flash(from, to, event) {
  for (const edge of byId('drawing').querySelectorAll('.edge')) {
    // Where nothing may move, an edge stays marked till the next is taken.
    if (edge.querySelector('path').getAnimations().length === 0) edge.classList.remove('taken');
    const { from: sources, to: target, event: events } = edge.dataset;
    if (!events.split(' ').includes(event) || !isIn(to, target)) continue;
    if (!sources.split(' ').some((source) => isIn(from, source))) continue;
    edge.classList.add('taken');
    edge.querySelector('path').addEventListener('animationend', () => edge.classList.remove('taken'));
  }
}
