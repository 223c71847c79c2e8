/** `segue approve`: tools that are held since a restart are shown to clients, and can be called. */
import { withInstance } from './instance.ts';
import { plain, plainJson } from './plain.ts';
import type { Terminal } from './terminal.ts';

/** @throws SegueError INVALID_PARAMETERS where none is held */
export async function approve(
  terminal: Terminal,
  reference: string | undefined,
  options: { json?: boolean },
): Promise<number> {
  return withInstance(terminal, reference, async ({ client }) => {
    const result = await client.request('approve');
    if (options.json) terminal.out(plainJson(result));
    else terminal.out(plain(`approved: ${result.approved.join(', ')}`));
    return 0;
  });
}
