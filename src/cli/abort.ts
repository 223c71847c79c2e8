/** `segue abort`: stops a running reboot while the old worker still lives. */
import { shortId } from './format.ts';
import { withInstance } from './instance.ts';
import { plainJson } from './plain.ts';
import type { Terminal } from './terminal.ts';

/** @throws SegueError NOT_ABORTABLE with the reason when nothing runs or it is too late */
export async function abort(
  terminal: Terminal,
  reference: string | undefined,
  options: { json?: boolean },
): Promise<number> {
  return withInstance(terminal, reference, async ({ client }) => {
    const result = await client.request('abort');
    if (options.json) terminal.out(plainJson(result));
    else terminal.out(`reboot ${shortId(result.reboot_id)} aborted: the old server goes on`);
    return 0;
  });
}
