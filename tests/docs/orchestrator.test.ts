/** What docs/orchestrator.md shows can be used as it stands. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config.ts';
import { TOOLS } from '../../src/orchestrator/mcp/tools.ts';
import { blocks, read } from './documents.ts';

const json = blocks(read('docs/orchestrator.md'), 'json').map((block) => JSON.parse(block));

it('the configuration is one', () => {
  const [config] = json.filter((block) => 'orchestrator' in block);
  expect(Object.keys(configSchema.parse(config).orchestrator.recipes)).toEqual(['test', 'publish']);
});

it('each tool has an example that it takes', () => {
  const calls = json.filter((block) => 'arguments' in block);
  expect(calls.map(({ name }) => name)).toEqual(TOOLS.map(({ name }) => name));
  for (const [index, tool] of TOOLS.entries())
    expect(z.strictObject(tool.input.shape).safeParse(calls[index].arguments).error).toBeUndefined();
});
