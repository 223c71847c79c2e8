/** What `npm ci` takes from the lockfile, on any machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../support/launch.ts';

interface Locked {
  resolved?: string;
  integrity?: string;
  gypfile?: boolean;
  optionalDependencies?: Record<string, string>;
}

it.each([
  'package-lock.json',
  'tests/interop/clis/package-lock.json',
  'tests/conformance/clis/package-lock.json',
])('%s: no addresses, nothing missing', (file) => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const rows = Object.entries(packages).filter(([path]) => path !== '');
  expect(rows.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  expect(rows.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
  // npm ci refuses a lockfile that lacks the binaries of another platform.
  const locked = new Set(
    rows.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
  );
  const optional = rows.flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies));
  expect(optional.filter((name) => !locked.has(name))).toEqual([]);
});

/**
 * The package carries prebuilt binaries, and a lockfile does not say so: npm would compile it. npm 11 obeys
 * `allowScripts`; npm 10 obeys `"gypfile": false` in the lockfile, which `npm install` drops: then add it again.
 */
it('better-sqlite3 is not compiled', () => {
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  expect(allowScripts['better-sqlite3']).toBe(false);
  expect(packages['node_modules/better-sqlite3'].gypfile).toBe(false);
});
