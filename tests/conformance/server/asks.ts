/**
 * Legacy: tools that ask the client in the middle of a call. They ask by `send`, which keeps to the stream of the call;
 * `elicitInput` and `requestSampling` take the GET stream, and are lost where the client has not opened it yet.
 */
import type { ElicitRequestFormParams, McpServer, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { answer, text } from './content.ts';

type Form = ElicitRequestFormParams['requestedSchema'];

const USER: Form = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
};

/** SEP-1034: a default of each primitive type. */
const DEFAULTS: Form = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

const titled = (value: string, title: string) => ({ const: value, title });

/** SEP-1330: the five ways to offer a choice. */
const CHOICES: Form = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
      type: 'string',
      oneOf: [
        titled('value1', 'First Option'),
        titled('value2', 'Second Option'),
        titled('value3', 'Third Option'),
      ],
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
      type: 'array',
      items: {
        anyOf: [
          titled('value1', 'First Choice'),
          titled('value2', 'Second Choice'),
          titled('value3', 'Third Choice'),
        ],
      },
    },
  },
};

function elicit({ send }: ServerContext['mcpReq'], message: string, requestedSchema: Form) {
  return send({ method: 'elicitation/create', params: { message, requestedSchema } });
}

export function registerAsks(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model of the client', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const { content } = await mcpReq.send({
        method: 'sampling/createMessage',
        params: { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 },
      });
      const [first] = [content].flat();
      return answer(`LLM response: ${first?.type === 'text' ? first.text : ''}`);
    },
  );
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user for a name', inputSchema: z.object({ message: z.string() }) },
    async ({ message }, { mcpReq }) => {
      const { action, content } = await elicit(mcpReq, message, USER);
      return answer(`User response: action=${action}, content=${JSON.stringify(content ?? {})}`);
    },
  );
  const forms = {
    test_elicitation_sep1034_defaults: DEFAULTS,
    test_elicitation_sep1330_enums: CHOICES,
  };
  for (const [name, requestedSchema] of Object.entries(forms))
    server.registerTool(
      name,
      { description: 'Asks the user to fill a form', inputSchema: z.object({}) },
      async (_, { mcpReq }) => {
        const { action, content } = await elicit(mcpReq, 'Please fill in', requestedSchema);
        return answer(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`);
      },
    );
}
