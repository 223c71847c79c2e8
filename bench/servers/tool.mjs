/** One tool that answers with what it is given, the same for both transports. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const inputSchema = { type: 'object', properties: { text: { type: 'string' } } };
const tools = [{ name: 'echo', inputSchema, annotations: { readOnlyHint: true } }];

export function echoServer() {
  const server = new Server({ name: 'bench', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: 'text', text: params.arguments?.text ?? '' }],
  }));
  return server;
}
