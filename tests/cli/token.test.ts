import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashOf } from '../../src/front/http/access/tokens.ts';
import { tempHome } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import { segue } from './cli.ts';

interface Place {
  home: string;
  file: string;
  token(...args: string[]): ReturnType<typeof segue>;
  config(): { http: { tokens: { name: string; role: string; sha256: string }[] } };
}

function place(content?: object): Place {
  const home = tempHome();
  const file = join(home, 'segue.json');
  if (content) writeFileSync(file, JSON.stringify(content, null, 2), { mode: 0o600 });
  return {
    ...{ home, file },
    token: (...args) => segue(home, ['token', ...args, '--config', file]),
    config: () => JSON.parse(readFileSync(file, 'utf8')),
  };
}

const mode = (file: string) => statSync(file).mode & 0o777;

describe('segue token add', () => {
  shows('F61', 'prints a token once and keeps its hash only, in a file of our own', async () => {
    const { token, file, config } = place();
    const { code, stdout, stderr } = await token('add', 'ci', '--role', 'operator');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^segue_[\w-]{43}\n$/);
    expect(stderr).toContain(file);
    expect(stderr).not.toContain(stdout.trim());
    expect(config()).toEqual({
      http: { tokens: [{ name: 'ci', role: 'operator', sha256: hashOf(stdout.trim()) }] },
    });
    expect(readFileSync(file, 'utf8')).not.toContain(stdout.trim());
    expect(mode(file)).toBe(0o600);
  });

  it('adds a client by default, and another token each time', async () => {
    const { token, config } = place();
    const one = JSON.parse((await token('add', 'a', '--json')).stdout);
    const two = JSON.parse((await token('add', 'b', '--json')).stdout);
    expect([one.role, two.role]).toEqual(['client', 'client']);
    expect(one.token).not.toBe(two.token);
    expect(config().http.tokens.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('leaves the other settings, their order and the mode of the file as they are', async () => {
    const { token, file, home } = place({ tools: false, http: { port: 9000, tokens: [] }, name: 'x' });
    chmodSync(file, 0o640);
    await token('add', 'ci');
    const text = readFileSync(file, 'utf8');
    const [added] = JSON.parse(text).http.tokens;
    const wanted = { tools: false, http: { port: 9000, tokens: [added] }, name: 'x' };
    expect(text).toBe(`${JSON.stringify(wanted, null, 2)}\n`);
    expect(mode(file)).toBe(0o640);
    expect(readdirSync(home).filter((name) => name.startsWith('segue.json'))).toEqual(['segue.json']);
  });

  it('changes the file that a link leads to, and takes the name from SEGUE_CONFIG', async () => {
    const { home, file, config } = place({});
    const link = join(home, 'link.json');
    symlinkSync(file, link);
    expect((await segue(home, ['token', 'add', 'ci'], { env: { SEGUE_CONFIG: link } })).code).toBe(0);
    expect(config().http.tokens).toHaveLength(1);
  });

  it('refuses a name that is taken or no name, a role that is none, and no file', async () => {
    const { home, token, file } = place();
    await token('add', 'ci');
    const before = readFileSync(file, 'utf8');
    expect(await token('add', 'ci')).toMatchObject({
      code: 2,
      stderr: 'segue: a token "ci" exists already\n',
    });
    expect(await token('add', 'c i')).toMatchObject({ code: 2, stdout: '' });
    expect(await token('add', 'x', '--role', 'root')).toMatchObject({ code: 2, stdout: '' });
    expect((await segue(home, ['token', 'add', 'x'])).stderr).toContain('--config <file> or SEGUE_CONFIG');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  shows('F59', 'refuses a file or a directory that others may write, and a file with mistakes', async () => {
    const { home, token, file } = place({});
    chmodSync(file, 0o666);
    expect(await token('add', 'ci')).toMatchObject({ code: 9, stdout: '' });
    chmodSync(file, 0o600);
    writeFileSync(file, '{"htp": {}}');
    expect(await token('add', 'ci')).toMatchObject({ code: 2, stdout: '' });
    expect(readFileSync(file, 'utf8')).toBe('{"htp": {}}');
    const open = join(home, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const there = await segue(home, ['token', 'add', 'ci', '--config', join(open, 'segue.json')]);
    expect(there).toMatchObject({ code: 9, stdout: '' });
    expect(readdirSync(open)).toEqual([]);
  });

  it('waits for nobody: a file that another command changes is left to it', async () => {
    const { token, file } = place({});
    writeFileSync(`${file}.lock`, '');
    const { code, stderr, stdout } = await token('add', 'ci');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain(`${file}.lock exists`);
    expect(readFileSync(file, 'utf8')).toBe('{}');
  });
});

describe('segue token list and remove', () => {
  it('shows names and roles, no hashes', async () => {
    const { token, file } = place();
    expect((await token('list')).stderr).toContain('does not exist');
    writeFileSync(file, '{}', { mode: 0o600 });
    expect((await token('list')).stdout).toBe('no tokens yet\n');
    await token('add', 'ci', '--role', 'operator');
    expect((await token('list')).stdout).toBe('NAME  ROLE\nci    operator\n');
    expect(JSON.parse((await token('list', '--json')).stdout)).toEqual([{ name: 'ci', role: 'operator' }]);
  });

  it('removes one, and says when that leaves the door open', async () => {
    const { token, config } = place();
    await token('add', 'ci');
    await token('add', 'wall');
    expect(await token('remove', 'walls')).toMatchObject({
      code: 2,
      stderr: 'segue: no token has the name "walls" (did you mean "wall"?)\n',
    });
    expect((await token('remove', 'wall')).stderr).toBe('');
    expect(config().http.tokens).toMatchObject([{ name: 'ci' }]);
    expect((await token('remove', 'ci')).stderr).toMatch(/no token is left: .* as client\n$/);
    expect(config().http.tokens).toEqual([]);
  });

  it.each(['add', 'list', 'remove'])('has an example for %s', async (name) => {
    const { code, stdout } = await segue(tempHome(), ['token', name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`segue token ${name}`);
  });
});
