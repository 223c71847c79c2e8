/** segue.schema.json says what the program takes. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configSchema } from '../../src/config.ts';
import { blocks, read } from './documents.ts';
import { schemaText } from './schema.ts';

const TEXT = read('segue.schema.json');
const schema = z.fromJSONSchema(JSON.parse(TEXT));

it('is as the code makes it (node tests/docs/update.ts)', () => {
  expect(TEXT).toBe(schemaText());
});

it.each([
  {},
  { $schema: './node_modules/mcp-segue/segue.schema.json', name: 'files', command: ['node', 'server.js'] },
  { environment: { allow: ['PATH'], set: { A: 'b' } }, timing: { drainMs: 5000 } },
  { http: { port: 0, tokens: [{ name: 'ci', role: 'operator', sha256: 'a'.repeat(64) }] } },
  { orchestrator: { recipes: { test: { command: ['npm', 'test'], timeoutMs: 1000 } } } },
  ...blocks(read('docs/configuration.md'), 'json').map((block) => JSON.parse(block)),
])('accepts what the program accepts: %j', (config) => {
  expect(schema.safeParse(config).error).toBeUndefined();
  expect(configSchema.safeParse(config).error).toBeUndefined();
});

it.each([
  { nmae: 'files' },
  { name: '../x' },
  { command: 'node server.js' },
  { command: [] },
  { replay: 'always' },
  { timing: { drainMs: 0 } },
  { timing: { drainMs: 1.5 } },
  { timing: { drianMs: 1 } },
  { http: { port: 70_000 } },
  { http: { tokens: [{ name: 'ci' }] } },
  { orchestrator: { recipes: { test: { timeoutMs: 1 } } } },
])('refuses what the program refuses: %j', (config) => {
  expect(schema.safeParse(config).success).toBe(false);
  expect(configSchema.safeParse(config).success).toBe(false);
});
