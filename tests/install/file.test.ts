/** What happens to the file itself, and what is refused. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { replaceConfig } from '../../src/install/file.ts';
import { launcherOf } from '../../src/install/launcher.ts';
import { instanceName, serversIn } from '../../src/install/servers.ts';
import { segue } from '../cli/cli.ts';
import { tempHome } from '../support/launch.ts';

const TWO = `{
  "mcpServers": {
    "a": { "command": "a-server", "args": ["1"] },
    "b": { "command": "b-server", "args": ["2"] }
  }
}
`;

function place(text = TWO) {
  const home = tempHome();
  const file = join(home, '.cursor/mcp.json');
  mkdirSync(join(home, '.cursor'));
  writeFileSync(file, text);
  const run = (...args: string[]) => segue(home, args);
  return {
    home,
    file,
    run,
    now: () => readFileSync(file, 'utf8'),
    names: () => readdirSync(join(home, '.cursor')),
  };
}

describe('the file', () => {
  it('keeps its mode, its owner, and the link that leads to it; the backup is for us alone', async () => {
    const { home, file, run } = place();
    const real = join(home, 'dotfiles.json');
    writeFileSync(real, readFileSync(file));
    if (process.getuid?.() === 0) chownSync(real, 12_345, 23_456); // only root may
    chmodSync(real, 0o640);
    const { uid, gid } = statSync(real);
    const link = join(home, 'link.json');
    symlinkSync(real, link);
    expect(await run('install', 'cursor', '--all', '--file', link)).toMatchObject({ code: 0 });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain('"--"');
    expect(statSync(real)).toMatchObject({ uid, gid, mode: 0o100640 });
    expect(statSync(`${link}.segue-backup`).mode & 0o777).toBe(0o600);
    await run('uninstall', 'cursor', '--file', link);
    expect(readFileSync(real, 'utf8')).toBe(TWO);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  it('has a new backup for each install; none is written twice', async () => {
    const { run, file, now } = place();
    await run('install', 'cursor', '--server', 'a');
    const between = now();
    await run('install', 'cursor', '--server', 'b');
    expect(readFileSync(`${file}.segue-backup`, 'utf8')).toBe(TWO);
    expect(readFileSync(`${file}.segue-backup.2`, 'utf8')).toBe(between);
    await run('uninstall', 'cursor');
    expect(now()).toBe(TWO);
  });

  it('is only unwrapped when it was changed since', async () => {
    const { run, file, now, names } = place();
    await run('install', 'cursor', '--all');
    const edited = now().replace('"1"', '"1", "more"').replace('{', '{ // mine');
    writeFileSync(file, edited);
    const { code, stdout } = await run('uninstall', 'cursor');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2 servers \(a, b\) unwrapped; .* was changed since install.*segue-backup/);
    expect(now()).toBe(TWO.replace('"1"', '"1", "more"').replace('{', '{ // mine'));

    await run('install', 'cursor', '--all');
    expect((await run('uninstall', 'cursor')).stdout).toContain('byte for byte');
    expect(names().sort()).toEqual(['mcp.json', 'mcp.json.segue-backup']);
  });

  it('has the last of two with the same key wrapped: it is the one that counts', async () => {
    const twice = `{"mcpServers": {"a": {"command": "x"}},
      "mcpServers": {"a": {"command": "y"}, "a": {"command": "z", "args": ["1"], "command": "w", "args": ["2"]}}}`;
    const { run, now } = place(twice);
    await run('install', 'cursor', '--all');
    const { args } = JSON.parse(now()).mcpServers.a;
    expect(args.slice(-3)).toEqual(['--', 'w', '2']);
    for (const other of ['"x"', '"y"', '"z", "args": ["1"]']) expect(now()).toContain(`"command": ${other}`);
    await run('uninstall', 'cursor');
    expect(now()).toBe(twice);
  });

  it('keeps what was wrapped by hand', async () => {
    const hand = TWO.replace('"a-server", "args": [', '"segue", "args": ["--name", "a", "--", "a-server", ');
    const { run, now } = place(hand);
    await run('install', 'cursor', '--all');
    const { stdout } = await run('uninstall', 'cursor');
    expect(stdout).toContain('a: left as it is');
    expect(now()).toBe(hand);
  });

  it('keeps what has another command since', async () => {
    const { run, file, now } = place();
    await run('install', 'cursor', '--all');
    const edited = now().replace('"b-server"', '"c-server"');
    writeFileSync(file, edited);
    expect((await run('uninstall', 'cursor')).stdout).toContain('b: left as it is');
    const { a, b } = JSON.parse(now()).mcpServers;
    expect(a).toEqual({ command: 'a-server', args: ['1'] });
    expect(b).toEqual(JSON.parse(edited).mcpServers.b);
  });

  it('has no backup of a change that failed', async () => {
    const { run, file, names } = place();
    writeFileSync(`${file}.segue-new`, '');
    const { code, stderr } = await run('install', 'cursor', '--all');
    expect(code).toBe(2);
    expect(stderr).toContain('segue-new exists');
    expect(names().sort()).toEqual(['mcp.json', 'mcp.json.segue-new']);
  });

  it('comes back where a backup was cut off by a full disk', async () => {
    const { run, file, now } = place();
    writeFileSync(`${file}.segue-backup`, TWO.slice(0, 20));
    await run('install', 'cursor', '--all');
    const { code, stdout } = await run('uninstall', 'cursor');
    expect(code).toBe(0);
    expect(stdout).toContain('byte for byte');
    expect(now()).toBe(TWO);
  });

  it('without servers is said to have none', async () => {
    const { run } = place('{}');
    expect((await run('install', 'cursor', '--all')).stdout).toMatch(/mcp\.json has no servers$/m);
  });

  it('is left alone when another program writes to it meanwhile', () => {
    const { file, now, names } = place();
    expect(() => replaceConfig(file, 'what it was', 'x')).toThrow(/just changed by another program/);
    expect(now()).toBe(TWO);
    expect(names()).toEqual(['mcp.json']);
  });
});

describe('--dry-run', () => {
  it('shows the lines that would change, and changes nothing', async () => {
    const { run, now, names } = place();
    const { code, stdout } = await run('install', 'cursor', '--server', 'b', '--dry-run');
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('@@ line 4 @@');
    expect(lines[1]).toBe('-     "b": { "command": "b-server", "args": ["2"] }');
    expect(lines[2]).toMatch(/^\+ {5}"b": \{ "command": ".*", "--name", "b", "--", "b-server", "2"\] \}$/);
    expect(lines[3]).toBe('b: would be wrapped');
    expect(now()).toBe(TWO);
    expect(names()).toEqual(['mcp.json']);
  });
});

describe('refused, with nothing changed', () => {
  it.each([
    [
      '{\n  "mcpServers": {\n    "a": { "command": "x" "args": [] }\n  }\n}',
      /line 3, column 27 \(comma expected\)/,
    ],
    ['', /line 1, column 1 \(value expected\)/],
    ['{"mcpServers": {', /line 1, column 17 \(close brace expected\)/],
  ])('broken JSON: %j', async (text, sentence) => {
    const { run, now, names } = place(text);
    for (const args of [
      ['install', 'cursor', '--all'],
      ['uninstall', 'cursor'],
    ]) {
      const { code, stderr } = await run(...args);
      expect(code).toBe(2);
      expect(stderr).toMatch(sentence);
    }
    expect(now()).toBe(text);
    expect(names()).toEqual(['mcp.json']);
  });

  it('bytes that are no UTF-8', async () => {
    const { run, file } = place();
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    writeFileSync(file, bytes);
    expect(await run('install', 'cursor', '--all')).toMatchObject({ code: 2 });
    expect(readFileSync(file)).toEqual(bytes);
  });

  it('a server that is not there, or cannot be wrapped; a client that has no file', async () => {
    const { run } = place(TWO.replace('"command": "b-server"', '"url": "https://example.org"'));
    expect((await run('install', 'cursor', '--server', 'A')).stderr).toContain('did you mean "a"?');
    expect((await run('install', 'cursor', '--server', 'b')).stderr).toContain('reached by its address');
    expect((await run('install', 'zed')).stderr).toMatch(/there is no .*zed\/settings.json; --file/);
    expect((await run('install', 'emacs')).code).toBe(2);
  });
});

describe('the launcher', () => {
  it('is a full path, but never in a cache; that of a project is the one of its reader', () => {
    const home = tempHome();
    const scripts = [
      'lib/node_modules/mcp-segue',
      '.npm/_npx/1f2e/node_modules/mcp-segue',
      'dlx-12/mcp-segue',
    ].map((folder) => {
      mkdirSync(join(home, folder), { recursive: true });
      writeFileSync(join(home, folder, 'segue.js'), '');
      return join(home, folder, 'segue.js');
    });
    expect(launcherOf('user', '/opt/homebrew/Cellar/node/26.1.0/bin/node', scripts[0]!)).toEqual({
      command: '/opt/homebrew/opt/node/bin/node',
      args: [scripts[0]],
    });
    for (const script of scripts.slice(1))
      expect(() => launcherOf('user', process.execPath, script)).toThrow(/npm install --global/);
    expect(launcherOf('project', process.execPath, scripts[1]!)).toEqual({ command: 'segue', args: [] });
  });

  it('is not put in front of batch files on Windows', () => {
    const config = { file: 'x', sections: [['mcpServers']] };
    const text = '{"mcpServers": {"a": {"command": "npx"}, "b": {"command": "cmd", "args": ["/c", "npx"]}}}';
    const kinds = serversIn(text, config, { platform: 'win32', script: undefined }).map(({ kind }) => kind);
    expect(kinds).toEqual(['left', 'plain']);
  });
});

it('two servers never share the name of an instance', () => {
  const names = ['a b', 'a-b', 'a/b', '天気', '気天', '-x', 'x'.repeat(65), 'x'.repeat(66)].map(instanceName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
});
