/**
 * A message that two JSON parsers may read differently: an `id` that stands twice, or once as `id` and once as `ID`. On
 * a shared link Segue rewrites the one that it sees, and a server that takes the other would take the number of another
 * client's request. Such a message is refused; no client writes one by accident.
 */
import { members } from '../wire/spans.ts';

/** The members that say what a message is and whose: folded name → real name and the same of the object in it. */
type Guarded = ReadonlyMap<string, { name: string; inner: Guarded }>;

const guard = (tree: Record<string, Guarded>): Guarded =>
  new Map(Object.entries(tree).map(([name, inner]) => [fold(name), { name, inner }]));

const NONE: Guarded = new Map();
const GUARDED = guard({
  id: NONE,
  method: NONE,
  result: NONE,
  error: NONE,
  params: guard({ requestId: NONE, _meta: guard({ progressToken: NONE }) }),
});

const OPEN_BRACE = 0x7b;

/** What such a message is answered. */
export const AMBIGUOUS = {
  code: -32600,
  message: 'a member of this message stands in it twice, or in other letters',
};

export function isAmbiguous(text: Buffer, at = 0, guarded = GUARDED): boolean {
  const seen = new Set<string>();
  return members(text, at).some(({ key, start }) => {
    const folded = fold(key);
    const known = guarded.get(folded);
    if (!known) return false;
    if (known.name !== key || seen.has(folded)) return true;
    seen.add(folded);
    return known.inner.size > 0 && text[start] === OPEN_BRACE && isAmbiguous(text, start, known.inner);
  });
}

/** As parsers that do not mind case do it, `ſ` and the Kelvin sign included. */
function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}
