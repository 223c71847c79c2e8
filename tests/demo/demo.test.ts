import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { ROOT, tempHome } from '../support/launch.ts';
import { killAll, processesWith } from '../support/processes.ts';

it('performs three reboots, keeps every promise, and leaves nothing behind', async ({ onTestFinished }) => {
  const folder = join(tempHome(), 'tmp');
  mkdirSync(folder);
  const mark = `SEGUE_DEMO_TEST=${folder}`;
  const [name, value] = mark.split('=') as [string, string];
  const child = spawn(process.execPath, [join(ROOT, 'demo/main.ts')], {
    env: { PATH: process.env.PATH, TMPDIR: folder, [name]: value },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => killAll(processesWith(mark)));
  const [output, complaints, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  expect(complaints).toBe('');
  expect(code, output).toBe(0);

  // what the calls saw
  for (const line of [
    /ask 1 .* its answer/,
    /long 1a .* its answer/,
    /ask 3 .* outcome unknown/,
    /long 3b .* its answer/,
  ])
    expect(output).toMatch(line);
  expect(output).toMatch(/\| rebooted in .*, silent for /);
  expect(output).toMatch(
    /phases: maintenance .*, suspend .*, serialize .*, close .*, cleanup .*, spawn .*, restore .*, reconnect /,
  );

  // the closing table: one call failed, the one that was killed and must not be repeated
  const [, calls, answered, failed] = /^all +(\d+) +(\d+) +(\d+)$/m.exec(output)!.map(Number);
  expect(failed).toBe(1);
  expect(answered).toBe(calls! - 1);
  const [, requests, answers] = /^on the wire +(\d+) requests, (\d+) answers, 1 session$/m
    .exec(output)!
    .map(Number);
  expect(answers).toBe(requests);
  expect(output).toMatch(/^done twice +0 of the 3 calls/m);
  expect(output.trimEnd()).toMatch(/All promises were kept\.$/);

  expect(output).not.toContain('\u001b');
  expect(readdirSync(folder)).toEqual([]);
  expect(processesWith(mark)).toEqual([]);
});
