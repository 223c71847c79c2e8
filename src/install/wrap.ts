/** The edits that put Segue in front of a server, and take it away again. The server's own words stay where they are. */
import type { Node } from 'jsonc-parser';
import type { Edit } from './edits.ts';
import type { Launcher } from './launcher.ts';
import { instanceName, member, type Server } from './servers.ts';

/** Of a plain server. `env`, comments, order and layout stay. */
export function wrapEdits(text: string, server: Server, launcher: Launcher): Edit[] {
  const command = member(server.node, 'command')!;
  const args = member(server.node, 'args');
  const words = [...launcher.args, '--name', instanceName(server.name), '--', server.command];
  const list = words.map((word) => JSON.stringify(word));
  const replaced = { ...placeOf(command), text: JSON.stringify(launcher.command) };
  if (args === undefined) {
    const added = `,${spaceBefore(text, command.parent!) || ' '}"args": [${list.join(', ')}]`;
    return [{ ...replaced, text: replaced.text + added }];
  }
  const [first] = args.children ?? [];
  if (first === undefined) return [replaced, { offset: args.offset + 1, length: 0, text: list.join(', ') }];
  const space = spaceBefore(text, first) || ' ';
  return [
    replaced,
    { offset: first.offset, length: 0, text: list.map((word) => `${word},${space}`).join('') },
  ];
}

/**
 * Of one that Segue has wrapped, in a file that was changed since: out go Segue's words, what else was changed stays.
 * Null when what stands behind `--` is not the command that it had.
 */
export function unwrapEdits(text: string, server: Server, original: Server): Edit[] | null {
  const command = member(server.node, 'command')!;
  const args = member(server.node, 'args');
  const words = args?.children ?? [];
  const own = server.args.indexOf('--') + 1;
  const old = words[own];
  if (args === undefined || old?.value !== original.command) return null;
  const restored = { ...placeOf(command), text: text.slice(old.offset, old.offset + old.length) };
  const next = words[own + 1];
  if (next) {
    const [first] = words;
    return [restored, { offset: first!.offset, length: next.offset - first!.offset, text: '' }];
  }
  return [restored, { ...placeOf(args), text: '[]' }];
}

function placeOf({ offset, length }: Node): { offset: number; length: number } {
  return { offset, length };
}

/** The white space in front of it. */
function spaceBefore(text: string, node: Node): string {
  return /[ \t\r\n]*$/.exec(text.slice(0, node.offset))![0];
}
