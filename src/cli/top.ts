/** `segue top`: one instance as it lives, redrawn with each of its transitions; without a terminal one snapshot. */

import { systemEnv } from '../env.ts';
import type { Overview } from '../observe/overview.ts';
import type { ListedInstance } from '../state/instances.ts';
import { chooseInstance, connectTo, runningInstances } from './instance.ts';
import { plainJson, plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';
import { topView } from './top-view.ts';

/** @throws SegueError SYSTEM_NOT_READY when nothing runs, INVALID_PARAMETERS when `reference` means none or several */
export async function top(
  terminal: Terminal,
  reference: string | undefined,
  options: { json?: boolean },
): Promise<number> {
  const running = await runningInstances(terminal);
  // Where nobody was named, all are meant; this complains when there is none.
  const chosen =
    reference === undefined && running.length > 1 ? running[0]! : chooseInstance(running, reference);
  if (terminal.interactive && !options.json) {
    const { TopLoop } = await import('./top-loop.ts');
    return new TopLoop(terminal, chosen).run();
  }
  const meant = running.length > 1 && reference === undefined ? running : [chosen];
  const overviews = meant.length === 1 ? [await overviewOf(chosen)] : await overviewsOf(terminal, meant);
  if (options.json) terminal.out(plainJson(overviews));
  else terminal.out(await snapshots(terminal, overviews));
  return 0;
}

/** One that hangs, or ends at this moment, is told of and left out. */
async function overviewsOf(terminal: Terminal, instances: readonly ListedInstance[]): Promise<Overview[]> {
  const found = await Promise.all(
    instances.map((instance) =>
      overviewOf(instance).catch((error: Error) => {
        terminal.err(`segue: ${plainLine(instance.name)}: ${plainLine(error.message)}`);
        return null;
      }),
    ),
  );
  return found.filter((overview) => overview !== null);
}

async function overviewOf(instance: ListedInstance): Promise<Overview> {
  const { client } = await connectTo(instance);
  return client.request('overview').finally(() => client.close());
}

async function snapshots({ width }: Terminal, overviews: readonly Overview[]): Promise<string> {
  const { createColors } = await import('picocolors');
  const room = { columns: width, rows: Number.POSITIVE_INFINITY, colors: createColors(false) };
  return overviews.map((overview) => topView({ overview, now: systemEnv.now() }, room)).join('\n\n');
}
