/** Runs in each page of the test's browser before its own scripts. */

/** The states of the lifecycle, in the order in which they became lit. */
window.seen = [];
/** The edges that flashed, each as `[from, to]`. */
window.edges = [];

const isHere = (classes) => (classes ?? '').split(' ').includes('here');

/** A record says what its element was before; what it became stands in the next record of the element, or in itself. */
function note(records) {
  records.forEach(({ target, oldValue, addedNodes }, at) => {
    for (const { dataset } of addedNodes) if (dataset.event) window.edges.push([dataset.from, dataset.to]);
    const { state } = target.dataset;
    if (state === undefined || state.startsWith('traffic.') || isHere(oldValue)) return;
    const next = records.slice(at + 1).find((record) => record.target === target);
    if (isHere(next ? next.oldValue : target.getAttribute('class'))) window.seen.push(state);
  });
}

window.watchStates = () =>
  new MutationObserver(note).observe(document.getElementById('chart'), {
    ...{
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['class'],
      attributeOldValue: true,
    },
  });

/** Those of the drawing that is fetched when it is wanted. */
window.watchEdges = () =>
  new MutationObserver((records) => {
    for (const { target, oldValue } of records)
      if (target.classList.contains('taken') && !oldValue.includes('taken'))
        window.edges.push([target.dataset.from, target.dataset.to]);
  }).observe(document.getElementById('drawing'), {
    ...{ subtree: true, attributes: true, attributeFilter: ['class'], attributeOldValue: true },
  });

/** What a page of another origin can try against `target`: how each ended. */
window.attack = async (target) => {
  const attempt = (path, init) =>
    fetch(target + path, init).then(
      ({ type }) => type,
      () => 'refused',
    );
  const post = { method: 'POST', body: '{}' };
  return [
    await attempt('/page/events', {}),
    await attempt('/page/reboot', { ...post, headers: { 'content-type': 'application/json' } }),
    await attempt('/page/reboot', { ...post, headers: { 'content-type': 'text/plain' } }),
    await attempt('/page/reboot', { ...post, mode: 'no-cors' }), // is sent, as a form would be; nothing is read
  ];
};

window.attackByForm = (target) => {
  document.body.innerHTML = `<iframe name="frame"></iframe><form method="post" target="frame" enctype="text/plain"><input></form>`;
  const [form] = document.forms;
  form.action = `${target}/page/reboot`;
  Object.assign(form.firstChild, { name: '{"a":"', value: '"}' });
  form.submit();
};

window.attackByFrame = (target) => {
  document.body.innerHTML = '<iframe></iframe>';
  document.querySelector('iframe').src = `${target}/`;
};
