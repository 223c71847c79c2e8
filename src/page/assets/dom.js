/** Making and filling elements. All text goes in as text: no name or log line of anybody is ever read as markup (F53). */

/** @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);

/**
 * @param {string} tag with classes behind dots, e.g. `td.r.num`
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | number | null)} children
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), /** @type {any} */ (value));
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(
    ...children
      .filter((child) => child !== null)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
  return element;
}

/** Writes only what has changed: a screen reader and a selection are not disturbed. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes the children of `parent` those of `items`, in their order; one whose `key` was there before stays the same
 * element, and is drawn again only when its item has changed.
 */
export function keyed(parent, items, key, draw) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const json = JSON.stringify(item);
    const old = before.get(name);
    if (old && old.drawn === json) return old;
    const fresh = draw(item, old);
    fresh.dataset.key = name;
    fresh.drawn = json;
    return fresh;
  });
  if (wanted.length === parent.children.length && wanted.every((child, at) => child === parent.children[at]))
    return;
  const focused = document.activeElement?.id;
  parent.replaceChildren(...wanted);
  if (focused) byId(focused)?.focus({ preventScroll: true });
}
