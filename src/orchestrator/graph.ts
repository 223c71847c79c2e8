/** The order of a plan's subtasks: a directed graph without cycles. */
import { SegueError } from '../errors.ts';

export interface Node {
  key: string;
  depends_on: readonly string[];
}

/**
 * The keys in waves: each wave can be done side by side once those before it are done.
 * @throws SegueError INVALID_PARAMETERS that names a key given twice, an unknown dependency, or the whole cycle
 */
export function wavesOf(nodes: readonly Node[]): string[][] {
  const open = new Map<string, readonly string[]>();
  for (const { key, depends_on } of nodes) {
    if (open.has(key)) throw refused(`two subtasks have the key "${key}"`, { key });
    open.set(key, depends_on);
  }
  for (const [key, needs] of open)
    for (const need of needs)
      if (!open.has(need))
        throw refused(`"${key}" depends on "${need}", which is no subtask of this plan`, { key, need });
  const waves: string[][] = [];
  while (open.size > 0) {
    const wave = [...open].filter(([, needs]) => !needs.some((need) => open.has(need))).map(([key]) => key);
    if (wave.length === 0) throw cyclic(open);
    for (const key of wave) open.delete(key);
    waves.push(wave);
  }
  return waves;
}

/** Everything in `open` waits for something in it: whoever follows that comes back to where he was. */
function cyclic(open: ReadonlyMap<string, readonly string[]>): SegueError {
  const path: string[] = [];
  let [key] = open.keys();
  while (!path.includes(key!)) {
    path.push(key!);
    key = open.get(key!)!.find((need) => open.has(need));
  }
  const cycle = [...path.slice(path.indexOf(key!)), key!];
  return refused(`the subtasks depend on each other in a circle: ${cycle.join(' → ')}`, { cycle });
}

function refused(message: string, data: Record<string, unknown>): SegueError {
  return new SegueError('INVALID_PARAMETERS', message, { data });
}
