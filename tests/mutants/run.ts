/**
 * `npm run mutants [-- WORD…]`: applies each defect of mutants.ts to a copy of the sources and requires the tests that
 * it names to fail, after they have passed without it. With words, only the defects that hold one of them.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTANTS, type Mutant } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = [
  'bench',
  'bin',
  'db',
  'demo',
  'examples',
  'machines',
  'src',
  'tests',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
/** A defect may make a test wait for what never comes: that is a failure, and need not take a minute. */
const TIMEOUT_MS = 30_000;

interface Outcome {
  passed: number;
  failed: number;
}

/** A copy of the sources for one call. */
async function inCopy<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'mutant-'));
  try {
    for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @throws where the text does not stand there exactly once: the defect would be none, or another. */
function apply(folder: string, { file, find, put }: Mutant): void {
  const path = join(folder, file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${find}`);
  writeFileSync(path, parts.join(put));
}

function run(folder: string, program: string, args: readonly string[]): Promise<string> {
  const path = join(ROOT, 'node_modules', program);
  return new Promise((resolve) => {
    const options = { cwd: folder, maxBuffer: 1 << 28 };
    execFile(process.execPath, [path, ...args], options, (_error, stdout) => resolve(stdout));
  });
}

async function test(folder: string, { tests }: Mutant): Promise<Outcome> {
  const report = join(folder, 'report.json');
  const more = ['--reporter=json', `--outputFile=${report}`, `--testTimeout=${TIMEOUT_MS}`];
  const said = await run(folder, 'vitest/vitest.mjs', ['run', tests.file, '-t', tests.name, ...more]);
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch (cause) {
    throw new Error(`${tests.file} did not run: ${said}`, { cause });
  }
}

/** A defect that the compiler finds is none for the tests to find. */
function checkTypes(mutants: readonly Mutant[]): Promise<void> {
  return inCopy(async (folder) => {
    for (const mutant of mutants) apply(folder, mutant);
    const said = await run(folder, 'typescript/bin/tsc', ['-p', '.']);
    if (said.trim() !== '') throw new Error(said);
  });
}

const words = process.argv.slice(2);
const mutants = MUTANTS.filter(
  ({ defect }) => words.length === 0 || words.some((word) => defect.includes(word)),
);
await checkTypes(mutants);
let survived = 0;
for (const mutant of mutants) {
  const sound = await inCopy((folder) => test(folder, mutant));
  const defective = await inCopy((folder) => {
    apply(folder, mutant);
    return test(folder, mutant);
  });
  const caught = sound.passed > 0 && sound.failed === 0 && defective.failed > 0;
  if (!caught) survived += 1;
  const verdict = caught ? 'caught' : 'SURVIVED';
  const counts = `${sound.passed} passed, ${sound.failed} failed → ${defective.passed} passed, ${defective.failed} failed`;
  console.log(
    `${verdict.padEnd(9)} ${mutant.defect}\n          ${mutant.file} — ${mutant.tests.file}: ${counts}`,
  );
}
console.log(`${mutants.length - survived} of ${mutants.length} caught`);
process.exitCode = survived === 0 && mutants.length > 0 ? 0 : 1;
