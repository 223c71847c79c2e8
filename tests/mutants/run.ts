/**
 * `npm run mutants [-- WORD…]`: applies each defect of mutants.ts to a copy of the sources and requires the tests that
 * it names to fail, after they have passed without it. With words, only the defects that hold one of them.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
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

/** Of each test file, the names of the tests that passed and that failed. */
type Outcome = Map<string, { passed: string[]; failed: string[] }>;

/** A copy of the sources for one call. */
async function inCopy<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mutant-')));
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

async function test(folder: string, mutants: readonly Mutant[]): Promise<Outcome> {
  const report = join(folder, 'report.json');
  const files = new Set(mutants.map(({ tests }) => tests.file));
  const names = mutants.map(({ tests }) => tests.name).join('|');
  const more = ['--reporter=json', `--outputFile=${report}`, `--testTimeout=${TIMEOUT_MS}`];
  const said = await run(folder, 'vitest/vitest.mjs', ['run', ...files, '-t', names, ...more]);
  try {
    return outcomeOf(JSON.parse(readFileSync(report, 'utf8')), folder);
  } catch (cause) {
    throw new Error(`the tests did not run: ${said}`, { cause });
  }
}

interface Report {
  testResults: { name: string; assertionResults: { fullName: string; status: string }[] }[];
}

function outcomeOf({ testResults }: Report, folder: string): Outcome {
  const files = testResults.map(({ name, assertionResults }) => {
    const those = (wanted: string) =>
      assertionResults.filter(({ status }) => status === wanted).map(({ fullName }) => fullName);
    return [relative(folder, name), { passed: those('passed'), failed: those('failed') }] as const;
  });
  return new Map(files);
}

/** How many of the tests that are to catch it passed, and how many failed. */
function verdictOf(outcome: Outcome, { tests }: Mutant): { passed: number; failed: number } {
  const { passed = [], failed = [] } = outcome.get(tests.file) ?? {};
  const count = (names: readonly string[]) => names.filter((name) => name.includes(tests.name)).length;
  return { passed: count(passed), failed: count(failed) };
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
const sound = await inCopy((folder) => test(folder, mutants));
let survived = 0;
for (const mutant of mutants) {
  const outcome = await inCopy((folder) => {
    apply(folder, mutant);
    return test(folder, [mutant]);
  });
  const [without, withIt] = [verdictOf(sound, mutant), verdictOf(outcome, mutant)];
  const caught = without.passed > 0 && without.failed === 0 && withIt.failed > 0;
  if (!caught) survived += 1;
  const counts = `${without.passed} of ${without.passed + without.failed} pass, with it ${withIt.failed} fail`;
  console.log(`${(caught ? 'caught' : 'SURVIVED').padEnd(9)} ${mutant.defect} (${mutant.file})`);
  console.log(`          ${mutant.tests.file}, ${mutant.tests.name}: ${counts}`);
}
console.log(`${mutants.length - survived} of ${mutants.length} caught`);
process.exitCode = survived === 0 && mutants.length > 0 ? 0 : 1;
