/** The first file that runs: on any Node, built or not, it ends in one sentence that helps. */
import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, tempHome } from '../support/launch.ts';

/** Runs a copy of bin/segue.js that has no dist beside it; `version` is what Node says of itself. */
function runBin(version: string) {
  const folder = tempHome();
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const argv = [
    '--import',
    `data:text/javascript,${encodeURIComponent(pretend)}`,
    join(folder, 'bin/segue.js'),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

it.each(['20.20.2', '22.17.1', '18.0.0'])('says on Node %s what it needs', (version) => {
  const sentence = `segue needs Node.js 22.18 or newer; this is ${version}.\n`;
  expect(runBin(version)).toEqual({ status: 1, stdout: '', stderr: sentence });
});

it.each(['22.18.0', '24.0.0', '26.10.0'])('starts on Node %s, and says when it is not built', (version) => {
  const sentence = 'segue is not built: run "npm run build" in its folder.\n';
  expect(runBin(version)).toEqual({ status: 1, stdout: '', stderr: sentence });
});
