/** The resources that Segue serves: the live machine, its past, its chart. */
import { assertReader } from './roles.ts';
import type { Control, Principal } from './types.ts';

export interface OwnResource {
  uri: string;
  name: string;
  title: string;
  description: string;
  read(control: Control, who: Principal): Promise<unknown>;
}

const HISTORY = 50;

export const RESOURCES: readonly OwnResource[] = [
  {
    uri: 'reboot://status',
    name: 'reboot-status',
    title: 'Restart status',
    description: 'The restart machine as it stands; subscribe to be told of each transition.',
    read: (control, who) => control.status({ include_history: false, include_error_details: true }, who),
  },
  {
    uri: 'reboot://history',
    name: 'reboot-history',
    title: 'Restart history',
    description: 'The last restarts, newest first: why, who asked, how long, what became of the requests.',
    async read(control, who) {
      assertReader(who, 'reboot://history');
      return { restarts: await control.history(HISTORY) };
    },
  },
  {
    uri: 'reboot://statechart',
    name: 'reboot-statechart',
    title: 'Restart statechart',
    description: 'The states and transitions of the restart machine.',
    read: async (control) => control.statechart(),
  },
];

export const RESOURCE_MIME = 'application/json';

/** @throws SegueError */
export async function readText(resource: OwnResource, control: Control, who: Principal): Promise<string> {
  return JSON.stringify(await resource.read(control, who), null, 2);
}
