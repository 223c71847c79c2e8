import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Command } from '../../machines/types.ts';
import { systemEnv } from '../../src/env.ts';
import { SegueError } from '../../src/errors.ts';
import { processTree } from '../../src/worker/windows.ts';
import { shows } from '../support/shows.ts';
import { fixture, line, start } from './fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'segue-start-'));
const plain = join(folder, 'plain');
const orphaned = join(folder, 'orphaned');
writeFileSync(plain, 'not a program');
writeFileSync(orphaned, '#!/no/such/interpreter\n');
chmodSync(orphaned, 0o755);
afterAll(() => rm(folder, { recursive: true }));

async function failure(command: Partial<Command>): Promise<SegueError> {
  const error = await start({ file: process.execPath, args: [], cwd: folder, ...command }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SegueError);
  expect((error as SegueError).code).toBe('PROCESS_FAILED');
  return error as SegueError;
}

describe('a start that cannot succeed', () => {
  const cases: [string, Partial<Command>, { missing: string; path: string }, RegExp][] = [
    [
      'a missing file',
      { file: './gone' },
      { missing: 'command', path: join(folder, 'gone') },
      /does not exist/,
    ],
    ['an unknown name', { file: 'no-such-cmd' }, { missing: 'command', path: 'no-such-cmd' }, /PATH/],
    ['a file that is no program', { file: plain }, { missing: 'command', path: plain }, /not executable/],
    ['a missing interpreter', { file: orphaned }, { missing: 'command', path: orphaned }, /interpreter/],
    [
      'a missing directory',
      { cwd: join(folder, 'no') },
      { missing: 'cwd', path: join(folder, 'no') },
      /does not exist/,
    ],
    ['a file as directory', { cwd: plain }, { missing: 'cwd', path: plain }, /not a directory/],
  ];
  for (const [name, command, culprit, why] of cases) {
    shows('F15 C2', `names ${name}`, async () => {
      const error = await failure(command);
      expect(error.data).toMatchObject({ permanent: true, ...culprit });
      expect(error.message).toContain(culprit.path);
      expect(error.message).toMatch(why);
    });
  }

  it('is also one whose argv no program can get', async () => {
    expect((await failure({ args: ['a\0b'] })).data).toMatchObject({ permanent: true, missing: 'command' });
  });
});

describe('a start that fails for want of file descriptors', () => {
  shows('F16', 'is worth another try, and leaves the old worker as it was', async () => {
    const { file, args, cwd } = fixture('runs-out-of-descriptors');
    const limited = ['-c', 'ulimit -n 100 && exec "$0" "$@"', file, ...args];
    const worker = await start({ file: 'sh', args: limited, cwd });
    expect(JSON.parse(await line(worker))).toEqual({
      data: { permanent: false, errno: 'EMFILE' },
      old: 'still here',
      nextPid: expect.any(Number),
    });
    expect(await worker.exited).toMatchObject({ code: 0, own: true });
  });
});

describe('the end of a process tree on Windows', () => {
  it('asks taskkill first softly, then by force, and survives its absence', async () => {
    const argvs: string[][] = [];
    const closed: Promise<unknown>[] = [];
    const tree = processTree(
      {
        ...systemEnv,
        spawn(file, args, options) {
          argvs.push([file, ...args]);
          const child = systemEnv.spawn('no-such-taskkill', [], options);
          closed.push(new Promise((resolve) => child.once('error', resolve)));
          return child;
        },
      },
      42,
    );
    tree.send('SIGTERM');
    tree.send('SIGKILL');
    await Promise.all(closed);
    expect(argvs).toEqual([
      ['taskkill', '/PID', '42', '/T'],
      ['taskkill', '/PID', '42', '/T', '/F'],
    ]);
  });
});
