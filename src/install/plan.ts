/** What install and uninstall change in the text of a configuration: pure, so that it can be shown before it is done. */
import type { ClientConfig } from './clients.ts';
import { applyEdits, type Edit } from './edits.ts';
import type { Launcher } from './launcher.ts';
import { type Judge, type Server, serversIn } from './servers.ts';
import { unwrapEdits, wrapEdits } from './wrap.ts';

/** Wraps those of `servers` that are plain. */
export function wrapping(text: string, servers: readonly Server[], launcher: Launcher): Edit[] {
  return servers
    .filter(({ kind }) => kind === 'plain')
    .flatMap((server) => wrapEdits(text, server, launcher));
}

export interface Unwrapping {
  edits: Edit[];
  unwrapped: Server[];
  /** Ones that Segue did not wrap, or that were changed too much: they stay as they are. */
  left: Server[];
}

/** `backups`: the texts that install has found, newest first. What each server was is read from them. */
export function unwrapping(
  text: string,
  backups: readonly string[],
  config: ClientConfig,
  judge: Judge,
): Unwrapping {
  const before = backups.map((backup) => ({ backup, servers: serversOrNone(backup) }));
  const result: Unwrapping = { edits: [], unwrapped: [], left: [] };
  for (const server of serversIn(text, config, judge)) {
    if (server.kind !== 'wrapped') continue;
    const edits = before
      .map(({ backup, servers }) => restoring(text, server, backup, servers.find(isSame(server))))
      .find((found) => found !== null);
    if (edits) result.edits.push(...edits);
    (edits ? result.unwrapped : result.left).push(server);
  }
  return result;

  /** A disk that was full, a power cut: a backup of which only a part was written says nothing. */
  function serversOrNone(backup: string): Server[] {
    try {
      return serversIn(backup, config, judge);
    } catch {
      return [];
    }
  }
}

function isSame(server: Server): (other: Server) => boolean {
  const key = ({ section, name }: Server) => JSON.stringify([section, name]);
  return (other) => key(other) === key(server);
}

/** As it was, byte for byte, when it is as install has left it. */
function restoring(
  text: string,
  server: Server,
  backup: string,
  original: Server | undefined,
): Edit[] | null {
  if (original?.kind !== 'plain') return null;
  const { offset, length } = server.node;
  const wrapped = wrappedText(backup, original, launcherIn(server));
  if (wrapped !== text.slice(offset, offset + length)) return unwrapEdits(text, server, original);
  return [{ offset, length, text: textOf(backup, original) }];
}

/** How Segue is started by what it has wrapped. */
function launcherIn({ command, args }: Server): Launcher {
  return { command, args: args.slice(0, Math.max(0, args.indexOf('--') - 2)) };
}

function wrappedText(text: string, server: Server, launcher: Launcher): string {
  const { offset } = server.node;
  const edits = wrapEdits(text, server, launcher).map((edit) => ({ ...edit, offset: edit.offset - offset }));
  return applyEdits(textOf(text, server), edits);
}

function textOf(text: string, { node }: Server): string {
  return text.slice(node.offset, node.offset + node.length);
}
