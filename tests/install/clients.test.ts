/** install and uninstall on a configuration of each client, by the command itself. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { CLIENTS, type Client, configOf, type Scope } from '../../src/install/clients.ts';
import { segue } from '../cli/cli.ts';
import { ROOT, tempHome } from '../support/launch.ts';
import { type Sample, samples } from './samples.ts';

type Entry = { command?: unknown; args?: unknown[] };

const OWN = [join(ROOT, 'src/cli/main.ts')];

function planted(client: Client): Sample & { home: string; file: string } {
  const home = tempHome();
  const sample = samples(home)[client];
  const file = join(home, sample.path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, sample.text);
  return { ...sample, home, file };
}

function parsed(text: string): object {
  return parse(text.replace(/^\uFEFF/, ''), [], { allowTrailingComma: true });
}

/** What the text must mean when all in `sections` that can be wrapped are. */
function wrapped(text: string, { sections, plain }: Sample): object {
  const content = parsed(text);
  for (const section of sections) {
    const servers = section.reduce<Record<string, unknown>>(
      (at, key) => at[key] as Record<string, unknown>,
      content as Record<string, unknown>,
    ) as Record<string, Entry>;
    for (const [name, entry] of Object.entries(servers).filter(([each]) => plain.includes(each))) {
      if (typeof entry.command !== 'string') continue;
      entry.args = [...OWN, '--name', name, '--', entry.command, ...(entry.args ?? [])];
      entry.command = process.execPath;
    }
  }
  return content;
}

describe.each(CLIENTS)('%s', (client) => {
  it('is wrapped where it can be, and put back byte for byte', async () => {
    const sample = planted(client);
    const { home, file, text, plain } = sample;
    const before = readFileSync(file);
    const listed = JSON.parse((await segue(home, ['install', client, '--json'])).stdout);
    expect(listed.file).toBe(file);
    const names = listed.servers.filter(({ was }: { was: string }) => was === 'plain');
    expect(names.map(({ name }: { name: string }) => name)).toEqual(plain);

    const installed = await segue(home, ['install', client, '--all']);
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    const after = readFileSync(file, 'utf8');
    expect(parsed(after)).toEqual(wrapped(text, sample));
    expect(comments(after)).toEqual(comments(text));
    expect(after.startsWith('\uFEFF')).toBe(text.startsWith('\uFEFF'));
    if (text.includes('\r\n')) expect(after.replaceAll('\r\n', '')).not.toContain('\n');

    const again = await segue(home, ['install', client, '--all']);
    expect(again).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toBe(after);

    const undone = await segue(home, ['uninstall', client]);
    expect(undone.stdout).toContain('byte for byte');
    expect(readFileSync(file)).toEqual(before);
    expect(readdirSync(dirname(file)).filter((name) => name.includes('segue'))).toEqual([]);
  });
});

function comments(text: string): string[] {
  return text.match(/(?<![:"])\/\/ .*|\/\*.*?\*\//g) ?? [];
}

describe('where the configuration is', () => {
  const linux = { platform: 'linux', home: '/home/me', cwd: '/code/p', environment: {} } as const;
  const mac = { platform: 'darwin', home: '/Users/me', cwd: '/p', environment: {} } as const;
  const windows = {
    platform: 'win32',
    home: 'C:\\Users\\me',
    cwd: 'C:\\p',
    environment: { APPDATA: 'C:\\Users\\me\\AppData\\Roaming' },
  } as const;
  const support = '/Users/me/Library/Application Support';
  const roaming = 'C:\\Users\\me\\AppData\\Roaming';

  it.each([
    ['claude-desktop', linux, '/home/me/.config/Claude/claude_desktop_config.json'],
    ['claude-desktop', mac, `${support}/Claude/claude_desktop_config.json`],
    ['claude-desktop', windows, `${roaming}\\Claude\\claude_desktop_config.json`],
    ['claude-code', linux, '/home/me/.claude.json'],
    ['claude-code', { ...linux, environment: { CLAUDE_CONFIG_DIR: '/c' } }, '/c/.claude.json'],
    ['claude-code', windows, 'C:\\Users\\me\\.claude.json'],
    ['vscode', { ...linux, environment: { XDG_CONFIG_HOME: '/x' } }, '/x/Code/User/mcp.json'],
    ['vscode', mac, `${support}/Code/User/mcp.json`],
    ['vscode', windows, `${roaming}\\Code\\User\\mcp.json`],
    ['cursor', mac, '/Users/me/.cursor/mcp.json'],
    ['cursor', windows, 'C:\\Users\\me\\.cursor\\mcp.json'],
    ['windsurf', mac, '/Users/me/.codeium/windsurf/mcp_config.json'],
    ['gemini', linux, '/home/me/.gemini/settings.json'],
    ['zed', linux, '/home/me/.config/zed/settings.json'],
    ['zed', mac, '/Users/me/.config/zed/settings.json'],
    ['zed', windows, `${roaming}\\Zed\\settings.json`],
  ] as const)('%s %j', (client, place, file) => {
    expect(configOf(client, 'user', place).file).toBe(file);
  });

  it.each([
    ['claude-code', '/code/p/.mcp.json'],
    ['vscode', '/code/p/.vscode/mcp.json'],
    ['cursor', '/code/p/.cursor/mcp.json'],
    ['gemini', '/code/p/.gemini/settings.json'],
    ['zed', '/code/p/.zed/settings.json'],
  ] as const)('of a project: %s', (client, file) => {
    expect(configOf(client, 'project', linux).file).toBe(file);
  });

  it.each(['claude-desktop', 'windsurf'] as const)('%s has none of a project', (client) => {
    expect(() => configOf(client, 'project' satisfies Scope, linux)).toThrow(/no configuration of a project/);
  });
});
