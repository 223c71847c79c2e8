import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wavesOf } from '../../src/orchestrator/graph.ts';

const node = (key: string, ...depends_on: string[]) => ({ key, depends_on });

function refusal(...nodes: ReturnType<typeof node>[]): { message: string; data: unknown } {
  try {
    wavesOf(nodes);
  } catch (error) {
    return error as { message: string; data: unknown };
  }
  throw new Error('the plan was accepted');
}

describe('the order of a plan', () => {
  it('comes in waves that can be done side by side', () => {
    const waves = wavesOf([node('d', 'b', 'c'), node('b', 'a'), node('c', 'a'), node('a'), node('e')]);
    expect(waves).toEqual([['a', 'e'], ['b', 'c'], ['d']]);
    expect(wavesOf([])).toEqual([]);
  });

  it('names the whole cycle, and nothing but the cycle', () => {
    const { message, data } = refusal(node('start', 'a'), node('a', 'b'), node('b', 'c'), node('c', 'a'));
    expect(message).toContain('a → b → c → a');
    expect(data).toEqual({ cycle: ['a', 'b', 'c', 'a'] });
    expect(refusal(node('a', 'a')).data).toEqual({ cycle: ['a', 'a'] });
  });

  it('names an unknown dependency and a key that was given twice', () => {
    expect(refusal(node('a', 'b')).message).toBe('"a" depends on "b", which is no subtask of this plan');
    expect(refusal(node('a'), node('a')).message).toBe('two subtasks have the key "a"');
  });

  it('puts each step behind all that it depends on, whatever the graph; a graph with a way back is refused', () => {
    const graphs = fc.array(fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(graphs, (edges) => {
        // Only to earlier ones: no cycle.
        const nodes = edges.map((needs, at) =>
          node(`${at}`, ...needs.filter((need) => need < at).map(String)),
        );
        const waves = wavesOf([...nodes].reverse());
        const waveOf = new Map(waves.flatMap((wave, at) => wave.map((key) => [key, at] as const)));
        expect(waveOf.size).toBe(nodes.length);
        for (const { key, depends_on } of nodes)
          for (const need of depends_on) expect(waveOf.get(need)).toBeLessThan(waveOf.get(key)!);
        const last = nodes.at(-1)!;
        const [first] = last.depends_on;
        if (first === undefined) return;
        const back = nodes.map((each) =>
          each.key === first ? node(first, ...each.depends_on, last.key) : each,
        );
        const { cycle } = refusal(...back).data as { cycle: string[] };
        expect(cycle.at(0)).toBe(cycle.at(-1));
        for (const [at, key] of cycle.slice(0, -1).entries())
          expect(back.find((each) => each.key === key)!.depends_on).toContain(cycle[at + 1]);
      }),
    );
  });
});
