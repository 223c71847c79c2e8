/** The server that the conformance suites ask for, in each era, whatever carries it. */
import { type McpRequestContext, McpServer } from '@modelcontextprotocol/server';
import { registerAsks } from './asks.ts';
import { registerInputRequired, state } from './input-required.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { type Announce, registerTools } from './tools.ts';

/** @param announce where the server does not last as long as what its clients listen to. */
export function build({ era }: Pick<McpRequestContext, 'era'>, announce?: Announce): McpServer {
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
  registerTools(
    server,
    announce ?? {
      toolsChanged: () => server.sendToolListChanged(),
      promptsChanged: () => server.sendPromptListChanged(),
    },
  );
  registerResources(server);
  registerPrompts(server);
  if (era === 'legacy') registerAsks(server);
  else registerInputRequired(server);
  return server;
}
