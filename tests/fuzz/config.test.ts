import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { SegueError } from '../../src/errors.ts';
import { jsonText } from '../support/json-text.ts';
import { tempHome } from '../support/launch.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

const VALID = [
  '{"command":["node","server.js"],"cwd":"here","isolation":"shared","timing":{"drainMs":5000},"http":{"port":1}}',
  '{"command":["x"],"limits":{"maxLineBytes":2048},"env":{"A":"b"},"passEnv":["C"],"replayTools":["a"],"tools":false}',
  '{"orchestrator":{"recipes":{"one":{"command":["x"],"cwd":"y"}}},"logLevel":"debug","persist":false}',
];
const names = fc.constantFrom(
  ...[
    'command',
    'cwd',
    'timing',
    'limits',
    'http',
    'orchestrator',
    'env',
    'replay',
    '__proto__',
    'constructor',
    'toString',
  ],
);
const settings = fc
  .array(fc.tuple(names, jsonText), { maxLength: 4 })
  .map((all) => `{${all.map(([name, value]) => `"${name}":${value}`).join(',')}}`);
const file = fc
  .oneof(anyBytes, settings, jsonText, mutated(fc.constantFrom(...VALID)), mutated(settings, 2))
  .map(Buffer.from);

const NAMED = ['INVALID_PARAMETERS', 'NOT_AUTHORIZED'];
const nest = '{"a":'.repeat(150_000);

it('a configuration file of any content is taken, or refused with a word on where', () => {
  const path = join(tempHome(), 'segue.json');
  let taken = 0;
  fc.assert(
    fc.property(file, (bytes) => {
      writeFileSync(path, bytes);
      chmodSync(path, 0o600);
      try {
        const config = loadConfig({ file: path, flags: { command: ['node'] }, environment: {}, cwd: '/' });
        taken += 1;
        expect(config.command).toEqual(['node']);
        expect(Object.getPrototypeOf(config)).toBe(Object.prototype);
      } catch (error) {
        if (!(error instanceof SegueError)) throw error;
        expect(NAMED).toContain(error.code);
        expect(error.message).toContain('segue.json');
      }
    }),
    {
      ...runs(1000),
      // Deeper than the stack, as JSON and as none; a text that a pattern would step through character by character.
      examples: [
        [Buffer.from(`${nest}0${'}'.repeat(150_000)}`)],
        [Buffer.from(nest)],
        [Buffer.from('['.repeat(1_000_000))],
        [Buffer.from(`{"command":["${'x'.repeat(900_000)}`)],
        [Buffer.from(`{"env":${nest}0${'}'.repeat(150_001)}`)],
        [Buffer.from('{"__proto__":{"command":["x"]},"env":{"__proto__":"x"}}')],
      ],
    },
  );
  expect(taken).toBeGreaterThan(0);
});
