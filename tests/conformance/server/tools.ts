/** Tools that both eras have: kinds of content, notices on the way, a broad schema, a header parameter. */
import { fromJsonSchema, type McpServer, type ServerNotifier } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { answer, audio, embedded, image, text } from './content.ts';

const none = z.object({});

/** As the suites spell it: each keyword must come through a list unchanged. */
const BROAD_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const;

const HEADER_SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    order: { type: 'object', properties: { amount: { type: 'integer', 'x-mcp-header': 'Amount' } } },
  },
  required: ['region'],
} as const;

/** Tells whoever listens that a list has changed. */
export type Announce = Pick<ServerNotifier, 'toolsChanged' | 'promptsChanged'>;

export function registerTools(server: McpServer, announce: Announce): void {
  registerContent(server);
  registerNotices(server);
  registerAnnouncements(server, announce);
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(BROAD_SCHEMA) },
    () => answer('taken'),
  );
  server.registerTool(
    'test_header_parameter',
    { description: 'Wants what it takes in headers, too', inputSchema: fromJsonSchema(HEADER_SCHEMA) },
    () => answer('taken'),
  );
}

function registerContent(server: McpServer): void {
  const fixed = {
    test_simple_text: [text('This is a simple text response for testing.')],
    test_image_content: [image],
    test_audio_content: [audio],
    test_embedded_resource: [
      embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
    ],
    test_multiple_content_types: [
      text('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  };
  for (const [name, content] of Object.entries(fixed))
    server.registerTool(name, { description: 'Answers the same always', inputSchema: none }, () => ({
      content,
    }));
  server.registerTool('test_error_handling', { description: 'Fails always', inputSchema: none }, () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
}

function registerNotices(server: McpServer): void {
  for (const name of ['test_tool_with_logging', 'test_logging_tool'])
    server.registerTool(
      name,
      { description: 'Logs three times', inputSchema: none },
      async (_, { mcpReq }) => {
        await mcpReq.log('info', 'Tool execution started');
        await mcpReq.log('info', 'Tool processing data');
        await mcpReq.log('info', 'Tool execution completed');
        return answer('Logged three times');
      },
    );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports its progress three times', inputSchema: none },
    async (_, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken === undefined) return answer('Nobody asked for progress');
      for (const progress of [0, 50, 100])
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      return answer('Reported three times');
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Ends its event stream before it answers, where there is one', inputSchema: none },
    (_, { http }) => {
      http?.closeSSE?.();
      return answer('Answered after the stream');
    },
  );
}

function registerAnnouncements(server: McpServer, { toolsChanged, promptsChanged }: Announce): void {
  const announcements = {
    test_trigger_tool_change: toolsChanged,
    test_trigger_prompt_change: promptsChanged,
  };
  for (const [name, announce] of Object.entries(announcements))
    server.registerTool(name, { description: 'Says that a list has changed', inputSchema: none }, () => {
      announce();
      return answer('Announced');
    });
}
