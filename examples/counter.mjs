/**
 * A server that counts in memory, and goes on counting after a reboot:
 *
 *   segue -- node counter.mjs
 */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { rebootable } from 'mcp-segue/worker';
import { z } from 'zod';

let count = 0;

const server = new McpServer({ name: 'counter', version: '1.0.0' });

server.registerTool(
  'add',
  { description: 'Adds to the counter', inputSchema: { by: z.number().default(1) } },
  ({ by }) => {
    count += by;
    return { content: [{ type: 'text', text: String(count) }] };
  },
);

rebootable(server, {
  /** What the next process needs to go on. */
  serialize: () => ({ count }),
  /** In the next process, before its first call. */
  restore: (state) => {
    if (!Number.isFinite(state?.count)) throw new Error('this is no state of a counter');
    count = state.count;
  },
  health: () => Number.isSafeInteger(count),
  /** After a crash it goes on with what it had at most five seconds before. */
  checkpointIntervalMs: 5_000,
});

await server.connect(new StdioServerTransport());
