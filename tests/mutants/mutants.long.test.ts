import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const RUN = join(import.meta.dirname, 'run.ts');

it('each deliberate defect is caught by the tests that it names', async () => {
  const [code, said] = await new Promise<[unknown, string]>((resolve) => {
    execFile(process.execPath, [RUN], (error, stdout, stderr) =>
      resolve([error?.code ?? 0, stdout + stderr]),
    );
  });
  expect(said).not.toContain('SURVIVED');
  expect(said).toMatch(/^(\d+) of \1 caught$/m);
  expect(code).toBe(0);
}, 1_200_000);
