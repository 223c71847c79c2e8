/** Both SDKs' clients, every version, the reference servers: through Segue as directly. */
import type { Client as V2Client } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect } from 'vitest';
import { directLaunch, type Launch, segueLaunch, tempHome } from '../support/launch.ts';
import { connectV1, connectV2, LEGACY_VERSIONS, type V2ConnectOptions } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { type Conversation, converse, withoutOurs, withResources } from './conversation.ts';
import { MODERN_SERVER, REFERENCE_SERVERS, type ReferenceServer, sandboxIn } from './servers.ts';

const capabilities = { sampling: {}, elicitation: { form: {} }, roots: {} };
const sampled = { role: 'assistant', model: 'none', content: { type: 'text', text: 'sampled' } } as const;
const accepted = { action: 'accept', content: { name: 'somebody', sure: true } } as const;
const roots = { roots: [] };

const v1 = (protocolVersion: string) => (launch: Launch) =>
  connectV1(launch, {
    capabilities,
    protocolVersion,
    setUp(client) {
      client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
      client.setRequestHandler(ElicitRequestSchema, () => accepted);
      client.setRequestHandler(ListRootsRequestSchema, () => roots);
    },
  });

const v2 = (mode: NonNullable<V2ConnectOptions['mode']>) => (launch: Launch) =>
  connectV2(launch, {
    capabilities,
    mode,
    setUp(client) {
      client.setRequestHandler('sampling/createMessage', () => sampled);
      client.setRequestHandler('elicitation/create', () => accepted);
      client.setRequestHandler('roots/list', () => roots);
    },
  });

const CLIENTS = {
  ...Object.fromEntries(LEGACY_VERSIONS.map((version) => [`SDK v1 ${version}`, v1(version)])),
  'SDK v2 auto': v2('auto'),
  'SDK v2 legacy': v2('legacy'),
};

type Connect = (launch: Launch) => Promise<Client | V2Client>;

/** `flags` undefined: without Segue. */
async function talk(connect: Connect, server: ReferenceServer, flags?: string[]): Promise<Conversation> {
  const home = tempHome();
  const sandbox = sandboxIn(home);
  const command = server.command(sandbox);
  const surroundings = { home, cwd: sandbox, env: server.env?.(sandbox) ?? {} };
  const launch = flags
    ? segueLaunch({ ...surroundings, command, args: flags })
    : directLaunch(command, surroundings);
  const client = await connect(launch);
  return converse(client, server.questions(sandbox), sandbox);
}

async function expectNoDifference(connect: Connect, server: ReferenceServer): Promise<void> {
  const direct = await talk(connect, server);
  expect(await talk(connect, server, ['--no-tools'])).toEqual(direct);
  const full = await talk(connect, server, []);
  expect(full.capabilities).toMatchObject(direct.capabilities);
  expect({ ...withoutOurs(full), capabilities: direct.capabilities }).toEqual(withResources(direct));
}

describe.each(Object.entries(CLIENTS))('%s', (_, connect) => {
  for (const server of REFERENCE_SERVERS) {
    shows('M7', `hears the same of server-${server.name}`, () => expectNoDifference(connect, server));
  }
});

describe('SDK v2 pinned to 2026-07-28', () => {
  const pinned = v2({ pin: '2026-07-28' });

  shows('M7', 'hears the same of a modern server', () => expectNoDifference(pinned, MODERN_SERVER));

  shows('M7', 'gets the same refusal of a legacy server', async () => {
    const refusal = (flags?: string[]) =>
      talk(pinned, REFERENCE_SERVERS[0], flags).then(() => 'connected', describeError);
    expect(await refusal([])).toEqual(await refusal());
  });

  shows('M7', 'hears the changes that it listens for', async () => {
    const client = (await pinned(segueLaunch({ command: MODERN_SERVER.command('') }))) as V2Client;
    const updated = new Promise<string>((resolve) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri));
    });
    const toolsChanged = new Promise<void>((resolve) => {
      client.setNotificationHandler('notifications/tools/list_changed', () => resolve());
    });
    await client.listen({ toolsListChanged: true, resourceSubscriptions: ['test://note'] });
    await client.callTool({ name: 'touch', arguments: {} });
    expect(await updated).toBe('test://note');
    await toolsChanged;
  });
});

function describeError(error: Error & { code?: unknown; data?: unknown }) {
  return { name: error.name, message: error.message, code: error.code, data: error.data };
}
