/**
 * Asking the service: its events, and what the buttons do. By fetch, not EventSource, which can send no token. The word
 * behind the `#` of the address is one; it leaves the address at once, and stays in this tab alone.
 */
const KEY = 'segue.token';

if (location.hash.length > 1) {
  sessionStorage.setItem(KEY, decodeURIComponent(location.hash.slice(1)));
  history.replaceState(null, '', location.pathname);
}

export const setToken = (token) => sessionStorage.setItem(KEY, token);

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** Resolves with what was answered; rejects with what the service says against it. */
export async function act(name, body = {}) {
  const response = await fetch(`/page/${name}`, {
    method: 'POST',
    headers: { ...headers(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The service answered ${response.status}.`);
  return answer;
}

/**
 * Calls `onEvent(name, data)` for each event till the stream ends.
 * @returns {Promise<{ refused?: number, why?: string }>}
 */
export async function listen(onEvent) {
  const response = await fetch('/page/events', { headers: headers() });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({}));
    return { refused: response.status, why: error };
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return {};
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const at = block.indexOf('\n');
      onEvent(block.slice('event: '.length, at), JSON.parse(block.slice(at + '\ndata: '.length)));
    }
  }
}
