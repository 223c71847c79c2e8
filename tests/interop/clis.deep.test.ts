/**
 * The command line clients that people use, each a real process in a home of its own, without any account: what they
 * say of a server behind Segue is what they say of the server itself.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { directLaunch, environmentOf, type Launch, ROOT, segueLaunch, tempHome } from '../support/launch.ts';
import { MODERN_SERVER, REFERENCE_SERVERS, type ReferenceServer, sandboxIn } from './servers.ts';

const run = promisify(execFile);
const QUIET = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  GEMINI_CLI_TRUST_WORKSPACE: 'true',
  MCP_INSPECTOR_SECRET_STORE: 'memory',
};

/** How a client meets the server: the flags of Segue in front of it, or no Segue at all. */
const VARIANTS = { direct: undefined, wrapped: [], bare: ['--no-tools'] };
type Variant = keyof typeof VARIANTS;

class Machine {
  readonly home = tempHome();
  readonly project = join(this.home, 'project');
  readonly #server: ReferenceServer;
  readonly #protocolEra: 'legacy' | 'modern';

  constructor(server: ReferenceServer, protocolEra: 'legacy' | 'modern' = 'legacy') {
    this.#server = server;
    this.#protocolEra = protocolEra;
    mkdirSync(this.project);
  }

  launch(variant: Variant): Launch {
    const sandbox = sandboxIn(this.home);
    const command = this.#server.command(sandbox);
    const surroundings = { home: this.home, cwd: this.project, env: this.#server.env?.(sandbox) ?? {} };
    const flags = VARIANTS[variant];
    return flags
      ? segueLaunch({ ...surroundings, command, args: flags })
      : directLaunch(command, surroundings);
  }

  /** Runs a client to its end and gives its stdout, or what it said on stderr alone; rejects when it fails. */
  async client(name: string, args: readonly string[]): Promise<string> {
    const file = join(ROOT, 'tests/interop/clis/node_modules/.bin', name);
    const env = { ...environmentOf(this.home), ...QUIET };
    const { stdout, stderr } = await run(file, args, { cwd: this.project, env, maxBuffer: 1 << 26 });
    return stdout || stderr;
  }

  /** The same for a client that reads its servers from a file: one run a variant, the sandboxes blanked. */
  async each(name: string, args: (config: string) => string[]): Promise<Record<Variant, string>> {
    const heard = async (variant: Variant) => {
      const config = join(this.home, `${variant}.json`);
      const server = { ...this.launch(variant), protocolEra: this.#protocolEra };
      writeFileSync(config, JSON.stringify({ mcpServers: { server } }));
      return (await this.client(name, args(config))).replace(/box-\w+/g, 'box');
    };
    return { direct: await heard('direct'), wrapped: await heard('wrapped'), bare: await heard('bare') };
  }
}

function expectSame(heard: Record<Variant, string>): void {
  expect(heard.bare).toBe(heard.direct);
  expect(heard.wrapped).toBe(heard.direct);
}

/** The tools of a listing, without the five that Segue adds. */
function toolsIn(listing: string): unknown[] {
  const { tools } = JSON.parse(listing) as { tools: { name: string }[] };
  return tools.filter(({ name }) => !name.startsWith('orchestrator_'));
}

function expectSameTools({ direct, wrapped, bare }: Record<Variant, string>): void {
  expect(JSON.parse(bare).tools).toEqual(JSON.parse(direct).tools);
  expect(toolsIn(wrapped)).toEqual(JSON.parse(direct).tools);
  expect(JSON.parse(wrapped).tools).toHaveLength(toolsIn(direct).length + 5);
}

/** Inspector on any server. */
async function expectInspectorSeesTheSame(machine: Machine, { tool, args, answer }: Quick): Promise<void> {
  const inspect = (method: string, ...rest: string[]) =>
    machine.each('inspector', (config) => [
      ...['--cli', '--config', config, '--server', 'server', '--method', method],
      ...rest,
    ]);
  expectSameTools(await inspect('tools/list'));
  const toolArgs = pairs(args).flatMap((pair) => ['--tool-arg', pair]);
  const called = await inspect('tools/call', '--tool-name', tool, ...toolArgs);
  expect(called.direct).toContain(answer);
  expectSame(called);
}

type Quick = ReferenceServer['quick'];

const pairs = (args: Quick['args']) => Object.entries(args).map(([key, value]) => `${key}=${value}`);

describe.each(REFERENCE_SERVERS)('server-$name', (server) => {
  it('Inspector lists and calls the same', () =>
    expectInspectorSeesTheSame(new Machine(server), server.quick));

  it('mcporter lists and calls the same', async () => {
    const { tool, args, answer } = server.quick;
    const machine = new Machine(server);
    const port = (...rest: string[]) => machine.each('mcporter', (config) => ['--config', config, ...rest]);
    expectSameTools(await port('list', 'server', '--json'));
    const called = await port('call', `server.${tool}`, ...pairs(args));
    expect(called.direct).toContain(answer);
    expectSame(called);
  });
});

it('Inspector in the modern era lists and calls the same', () =>
  expectInspectorSeesTheSame(new Machine(MODERN_SERVER, 'modern'), MODERN_SERVER.quick));

it.each(['direct', 'wrapped'] as const)('claude mcp list connects: %s', async (variant) => {
  const machine = new Machine(REFERENCE_SERVERS[0]);
  const { command, args } = machine.launch(variant);
  await machine.client('claude', ['mcp', 'add', 'everything', '--', command, ...args]);
  expect(await machine.client('claude', ['mcp', 'list'])).toMatch(/everything: .*Connected/);
});

it.each(['direct', 'wrapped'] as const)('gemini mcp list connects: %s', async (variant) => {
  const machine = new Machine(REFERENCE_SERVERS[0]);
  const { command, args } = machine.launch(variant);
  const add = ['mcp', 'add', '--scope', 'user', 'everything', command];
  await machine.client('gemini', args.includes('--') ? [...add, '--', ...args] : [...add, ...args]);
  expect(await machine.client('gemini', ['mcp', 'list'])).toMatch(/everything: .*Connected/);
});
