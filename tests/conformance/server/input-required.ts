/** Modern (SEP-2322): tools and a prompt that end a round with what they want to know, and go on in the next. */
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { answer, text } from './content.ts';

/** Signed, for it comes back from the client. A key of its own lets a rebooted server know it again. */
export const state = createRequestStateCodec<string>({ key: Buffer.alloc(32, 'conformance') });

type Envelope = { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities };

const none = z.object({});
const named = z.object({ name: z.string() });
const agreed = z.object({ ok: z.boolean() });
const colored = z.object({ color: z.string() });
const placed = z.object({ context: z.string() });

const askName = (message = 'What is your name?') => inputRequired.elicit({ message, requestedSchema: named });
const askConfirm = () => inputRequired.elicit({ message: 'Please confirm', requestedSchema: agreed });
const askModel = (question: string, maxTokens = 100) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(question) }], maxTokens });

export function registerInputRequired(server: McpServer): void {
  registerSingle(server);
  registerRounds(server);
  registerCapabilities(server);
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for its context' },
    ({ mcpReq }) => {
      const context = acceptedContent(mcpReq.inputResponses, 'user_context', placed)?.context;
      if (context !== undefined) return { messages: [{ role: 'user', content: text(`In ${context}`) }] };
      const user_context = inputRequired.elicit({
        message: 'What context should the prompt use?',
        requestedSchema: placed,
      });
      return inputRequired({ inputRequests: { user_context } });
    },
  );
}

/** One question each. */
function registerSingle(server: McpServer): void {
  const tool = (
    kind: string,
    key: string,
    question: InputRequests[string],
    done: (reply: unknown) => string,
  ) =>
    server.registerTool(
      `test_input_required_result_${kind}`,
      { description: 'Asks one thing', inputSchema: none },
      (_, { mcpReq }) => {
        const reply = mcpReq.inputResponses?.[key];
        if (reply === undefined) return inputRequired({ inputRequests: { [key]: question } });
        return answer(done(reply));
      },
    );
  tool('sampling', 'capital_question', askModel('What is the capital of France?'), JSON.stringify);
  tool('list_roots', 'client_roots', inputRequired.listRoots(), JSON.stringify);
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'Asks for a name', inputSchema: none },
    (_, { mcpReq }) => {
      const name = acceptedContent(mcpReq.inputResponses, 'user_name', named)?.name;
      if (name === undefined) return inputRequired({ inputRequests: { user_name: askName() } });
      return answer(`Hello, ${name}!`);
    },
  );
}

/** Several questions, or several rounds, held together by the state that the client carries. */
function registerRounds(server: McpServer): void {
  const rounds = (
    kind: string,
    ask: InputRequests[],
    done: (request: ServerContext['mcpReq']) => string,
  ): void => {
    server.registerTool(
      `test_input_required_result_${kind}`,
      { description: `Asks in ${ask.length} rounds`, inputSchema: none },
      async (_, ctx) => {
        const round = ctx.mcpReq.requestState<string>();
        const next = round === undefined ? 0 : Number(round);
        const questions = ask[next];
        if (questions === undefined) return answer(done(ctx.mcpReq));
        const requestState = await state.mint(String(next + 1), ctx);
        return inputRequired({ inputRequests: questions, requestState });
      },
    );
  };
  rounds('request_state', [{ confirm: askConfirm() }], () => 'state-ok');
  rounds('tampered_state', [{ confirm: askConfirm() }], () => 'state-ok');
  const askColor = inputRequired.elicit({
    message: 'Step 2: What is your favorite color?',
    requestedSchema: colored,
  });
  rounds(
    'multi_round',
    [{ step1: askName('Step 1: What is your name?') }, { step2: askColor }],
    () => 'done',
  );
  rounds(
    'multiple_inputs',
    [
      {
        user_name: askName(),
        greeting: askModel('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      },
    ],
    ({ inputResponses }) => `Got ${Object.keys(inputResponses ?? {}).join(', ')}`,
  );
}

/** What a client declares decides what it may be asked. */
function registerCapabilities(server: McpServer): void {
  const declared = ({ mcpReq }: ServerContext) =>
    (mcpReq.envelope as Envelope | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks what the client can answer', inputSchema: none },
    (_, ctx) => {
      const { sampling, elicitation } = declared(ctx);
      return inputRequired({
        inputRequests: {
          ...(sampling && { question: askModel('What is the capital of France?') }),
          ...(elicitation && { user_name: askName() }),
        },
      });
    },
  );
  server.registerTool(
    'test_missing_capability',
    { description: 'Needs the model of the client: the SDK refuses where there is none', inputSchema: none },
    () => inputRequired({ inputRequests: { question: askModel('What is the capital of France?') } }),
  );
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Asks for a name', inputSchema: none },
    () => inputRequired({ inputRequests: { user_name: askName() } }),
  );
}
