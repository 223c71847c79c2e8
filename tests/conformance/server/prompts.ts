/** Prompts: without and with arguments (which can be completed), with a resource, with an image. */
import { type ContentBlock, completable, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { embedded, image, text } from './content.ts';

const user = (...contents: ContentBlock[]) => ({
  messages: contents.map((content) => ({ role: 'user' as const, content })),
});

const WORDS = ['paris', 'park', 'party'];
const word = (description: string) =>
  completable(z.string().describe(description), (start) => WORDS.filter((each) => each.startsWith(start)));

export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Says one thing' }, () =>
    user(text('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Says its arguments',
      argsSchema: z.object({ arg1: word('First test argument'), arg2: word('Second test argument') }),
    },
    ({ arg1, arg2 }) => user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'Shows a resource',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }),
    },
    ({ resourceUri }) =>
      user(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Shows an image' }, () =>
    user(image, text('Please analyze the image above.')),
  );
}
