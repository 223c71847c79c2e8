/** The server that the conformance suites ask for, in each era, whatever carries it. */
import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server';
import { registerAsks } from './asks.ts';
import { registerInputRequired, state } from './input-required.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerTools } from './tools.ts';

export const build: McpServerFactory = ({ era }) => {
  const server = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    {
      capabilities: {
        logging: {},
        completions: {},
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
      },
      requestState: { verify: state.verify },
    },
  );
  registerTools(server);
  registerResources(server);
  registerPrompts(server);
  if (era === 'legacy') registerAsks(server);
  else registerInputRequired(server);
  return server;
};
