import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { parseSettings } from '../../src/config/settings.ts';
import { SegueError } from '../../src/errors.ts';
import { shows } from '../support/shows.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'segue-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: unknown, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

function load(file?: string, flags = {}, environment: Record<string, string> = {}) {
  return loadConfig({ file, flags, environment, cwd: folder });
}

function failure(action: () => unknown): SegueError {
  try {
    action();
  } catch (error) {
    if (error instanceof SegueError) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

describe('a setting that does nothing without another', () => {
  it('is refused, wherever the other should stand', () => {
    const build = write('segue.json', { triggers: { build: ['make'] } });
    expect(failure(() => load(build)).message).toMatch(/"triggers.build".*--watch/);
    expect(load(build, { triggers: { watch: ['src/**'] } }).triggers.build).toEqual(['make']);
    expect(failure(() => load(undefined, { triggers: { windowOnly: true } })).message).toMatch(/no windows/);
  });
});

describe('where settings come from', () => {
  it('takes flags over environment over the file over defaults', () => {
    const file = write('segue.json', {
      name: 'file',
      logLevel: 'warn',
      replay: 'never',
      limits: { holdMs: 1000 },
    });
    const config = load(
      file,
      { name: 'flag', limits: { holdRequests: 7 } },
      { SEGUE_NAME: 'environment', SEGUE_LOG_LEVEL: 'error' },
    );
    expect(config).toMatchObject({ name: 'flag', logLevel: 'error', replay: 'never', handover: 'exclusive' });
    expect(config.limits).toMatchObject({ holdMs: 1000, holdRequests: 7, stderrBytes: 65536 });
  });

  it('finds the file by SEGUE_CONFIG, and ignores a segue.json that just lies in the working directory', () => {
    const file = write('segue.json', { command: ['evil'] });
    expect(load().command).toBeUndefined();
    expect(load(undefined, {}, { SEGUE_CONFIG: file }).command).toEqual(['evil']);
  });

  it("takes a file's cwd relative to the file", () => {
    expect(load(write('segue.json', { cwd: 'server' })).cwd).toBe(join(folder, 'server'));
  });

  it("takes a recipe's cwd relative to the file, and gives it its defaults", () => {
    const recipes = { test: { command: ['npm', 'test'], cwd: 'project' } };
    expect(load(write('segue.json', { orchestrator: { recipes } })).orchestrator).toMatchObject({
      parallel: 2,
      recipes: {
        test: { cwd: join(folder, 'project'), env: ['PATH', 'HOME'], timeoutMs: 600_000, idempotent: false },
      },
    });
  });

  it('reads switches from the environment', () => {
    expect(load(undefined, {}, { SEGUE_TOOLS: 'off', SEGUE_INSPECT: '1' })).toMatchObject({
      tools: false,
      inspect: true,
    });
    expect(failure(() => load(undefined, {}, { SEGUE_TOOLS: 'maybe' })).message).toContain('SEGUE_TOOLS');
  });
});

describe('mistakes are named', () => {
  it('says the unknown key, the nearest known one and the file', () => {
    const file = write('segue.json', { timing: { drainms: 5 } });
    expect(failure(() => load(file)).message).toBe(
      `${file}: unknown setting "timing.drainms" (did you mean "drainMs"?)`,
    );
    expect(failure(() => load(write('b.json', { comand: ['x'] }))).message).toContain(
      '(did you mean "command"?)',
    );
  });

  it('says which value is wrong', () => {
    const error = failure(() => load(write('segue.json', { limits: { holdMs: '5' } })));
    expect(error.message).toContain('"limits.holdMs": invalid input: expected number');
    expect(error).toMatchObject({ code: 'INVALID_PARAMETERS', exitCode: 2 });
    expect(failure(() => load(undefined, {}, { SEGUE_REPLAY: 'all' })).message).toMatch(
      /^environment: "replay"/,
    );
  });

  it.each([
    [{ comand: ['make'] }, 'unknown setting "orchestrator.recipes.build.comand" (did you mean "command"?)'],
    [
      { command: 'make all' },
      '"orchestrator.recipes.build.command": must be a list of words, such as ["node", "build.js"]: no shell splits a text',
    ],
    [{ command: [] }, '"orchestrator.recipes.build.command": must be a list of words'],
    [{ command: ['make'], timeoutMs: '5 s' }, '"orchestrator.recipes.build.timeoutMs": invalid input'],
  ])('says what is wrong with the recipe %j', (recipe, sentence) => {
    const file = write('segue.json', { orchestrator: { recipes: { build: recipe } } });
    expect(failure(() => load(file)).message).toContain(`${file}: ${sentence}`);
  });

  it.each([
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{"a": tru}', 1, 7],
    ['{"a": [1, 2', 1, 12],
    ['', 1, 1],
    ['{"a": "x\n"}', 1, 7],
    ['{} x', 1, 4],
    ["{'a': 1}", 1, 2],
  ])('says line and column of %j', (text, line, column) => {
    const error = failure(() => load(write('segue.json', text)));
    expect(error.message).toContain('is not valid JSON');
    expect(error.data).toEqual({ line, column });
  });

  it('says that a file is missing', () => {
    expect(failure(() => load(join(folder, 'none.json'))).message).toMatch(/none\.json does not exist$/);
  });
});

describe('--set', () => {
  it('reads numbers, words and objects by dotted names', () => {
    expect(
      parseSettings(['timing.drainMs=5', 'replay=never', 'environment.set.A.B=1', 'replayTools=["x"]']),
    ).toEqual({
      timing: { drainMs: 5 },
      replay: 'never',
      environment: { set: { 'A.B': '1' } },
      replayTools: ['x'],
    });
  });

  it('names the nearest setting', () => {
    expect(failure(() => parseSettings(['timing.drinMs=5'])).message).toContain('(did you mean "drainMs"?)');
    expect(failure(() => parseSettings(['nonsense'])).message).toContain('needs NAME=VALUE');
  });
});

describe('unsafe files', () => {
  const name = { name: 'x' };

  shows('F59', 'a config that others may write is refused, with the reason', () => {
    const error = failure(() => load(write('segue.json', name, 0o620)));
    expect(error).toMatchObject({ code: 'NOT_AUTHORIZED', data: { reason: 'others may write it' } });
    expect(failure(() => load(write('b.json', name, 0o602))).code).toBe('NOT_AUTHORIZED');
    expect(load(write('c.json', name, 0o644)).name).toBe('x');
  });

  shows('F59', 'a config in or below a directory that others may write is refused', () => {
    const shared = join(folder, 'shared');
    mkdirSync(join(shared, 'deep'), { recursive: true });
    const file = write('shared/deep/segue.json', name);
    chmodSync(shared, 0o777);
    expect(failure(() => load(file))).toMatchObject({ code: 'NOT_AUTHORIZED', data: { path: shared } });
    chmodSync(shared, 0o1777); // sticky: others cannot replace what is ours
    expect(load(file).name).toBe('x');
  });

  shows('F59', 'a link to an unsafe file, and a link that others could change, are refused', () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    const unsafe = write('shared/unsafe.json', name, 0o666);
    const safe = write('safe.json', name);
    symlinkSync(unsafe, join(folder, 'to-unsafe.json'));
    symlinkSync(safe, join(folder, 'to-safe.json'));
    symlinkSync(safe, join(shared, 'changeable.json'));
    expect(failure(() => load(join(folder, 'to-unsafe.json'))).data).toMatchObject({ path: unsafe });
    expect(load(join(folder, 'to-safe.json')).name).toBe('x');
    chmodSync(shared, 0o777);
    expect(failure(() => load(join(shared, 'changeable.json'))).code).toBe('NOT_AUTHORIZED');
  });

  shows('F59', 'a path with .. is resolved before it is checked; a directory or pipe is no config', () => {
    mkdirSync(join(folder, 'a'));
    write('segue.json', name);
    expect(loadConfig({ file: 'a/../segue.json', flags: {}, environment: {}, cwd: folder }).name).toBe('x');
    expect(failure(() => load(folder)).message).toContain('is not a plain file');
  });
});
