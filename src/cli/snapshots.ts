/** `segue snapshots list | show | verify | prune`: what reboots have saved, read from disk. */

import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import type { SnapshotArchive, SnapshotInfo, VerifiedSnapshot } from '../state/snapshot-archive.ts';
import { counted, dateTime, shortId, size, table } from './format.ts';
import { plainJson, plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

export interface SnapshotOptions {
  name?: string;
  json?: boolean;
}

type Named<Info> = Info & { name: string };

export async function listSnapshots(terminal: Terminal, options: SnapshotOptions): Promise<number> {
  const { found } = await eachArchive(terminal, options.name, false, (archive) => archive.list());
  if (options.json) terminal.out(plainJson(found.map(shown)));
  else terminal.out(found.length === 0 ? 'no snapshots yet' : table(HEAD, found.map(row)));
  return 0;
}

/** @throws SegueError INVALID_PARAMETERS for an unknown id; with `reveal` STATE_CORRUPTION when it is refused */
export async function showSnapshot(
  terminal: Terminal,
  id: string,
  options: SnapshotOptions & { reveal?: boolean },
): Promise<number> {
  const { found } = await eachArchive(terminal, options.name, false, (archive) => archive.find(id) ?? []);
  const [info, another] = found;
  if (info === undefined || another !== undefined) {
    const which = another === undefined ? 'no snapshot has' : 'several snapshots have';
    throw new SegueError('INVALID_PARAMETERS', `${which} an id that begins with "${id}"`);
  }
  if (options.reveal) {
    const revealed = await eachArchive(terminal, info.name, true, (archive) => archive.reveal(info.id));
    terminal.out(plainJson(revealed.found[0]));
  } else if (options.json) terminal.out(plainJson(shown(info)));
  else terminal.out(infoText(info));
  return 0;
}

/** Exit code 6 when one is refused, or a database cannot be read. */
export async function verifySnapshots(terminal: Terminal, options: SnapshotOptions): Promise<number> {
  const { found, complete } = await eachArchive(terminal, options.name, false, (archive) => archive.verify());
  const refused = found.filter((each) => each.refused !== null);
  if (options.json) terminal.out(plainJson(found.map((each) => ({ ...shown(each), refused: each.refused }))));
  else if (found.length === 0) terminal.out('no snapshots yet');
  else {
    terminal.out(table([...HEAD, 'RESULT'], found.map(verdict)));
    terminal.out(`${counted(found.length, 'snapshot')}, ${refused.length} refused`);
  }
  return exitCode(complete && refused.length === 0);
}

export async function pruneSnapshots(
  terminal: Terminal,
  options: SnapshotOptions & { keep: number },
): Promise<number> {
  const { found: removed, complete } = await eachArchive(terminal, options.name, true, async (archive) =>
    (await archive.prune(options.keep)).map((id) => ({ id })),
  );
  if (options.json) terminal.out(plainJson(removed));
  else terminal.out(`${counted(removed.length, 'snapshot')} deleted`);
  return exitCode(complete);
}

function exitCode(sound: boolean): number {
  return sound ? 0 : new SegueError('STATE_CORRUPTION', '').exitCode;
}

/** Of every name, or of `name` alone. One that cannot be read is reported and left out: then it is not `complete`. */
async function eachArchive<Info extends object>(
  terminal: Terminal,
  name: string | undefined,
  write: boolean,
  use: (archive: SnapshotArchive) => Info | Info[] | Promise<Info | Info[]>,
): Promise<{ found: Named<Info>[]; complete: boolean }> {
  const [{ listNames }, { openArchive }] = await Promise.all([
    import('../state/instances.ts'),
    import('../state/snapshot-archive.ts'),
  ]);
  const names = name === undefined ? await listNames(terminal.environment) : [name];
  const found: Named<Info>[] = [];
  let complete = true;
  for (const each of names) {
    try {
      const archive = await openArchive(each, terminal.environment, { write });
      try {
        found.push(...[await use(archive)].flat().map((info) => ({ ...(info as Info), name: each })));
      } finally {
        archive.close();
      }
    } catch (error) {
      if (name !== undefined || !(error instanceof SegueError)) throw error;
      terminal.err(`segue: ${each}: ${plainLine(error.message)}`);
      complete = false;
    }
  }
  return { found, complete };
}

const HEAD = ['SAVED (UTC)', 'ID', 'NAME', 'REBOOT', 'SIZE'];

function row({ savedAt, id, name, rebootId, bytes }: Named<SnapshotInfo>): string[] {
  return [dateTime(iso(savedAt)), shortId(id), plainLine(name), shortId(plainLine(rebootId)), size(bytes)];
}

function verdict(each: Named<VerifiedSnapshot>): string[] {
  return [...row(each), each.refused === null ? 'good' : `refused: ${plainLine(each.refused)}`];
}

function shown({ id, name, instance, rebootId, savedAt, bytes, sha256 }: Named<SnapshotInfo>) {
  return {
    ...{ id, name, instance, reboot_id: rebootId },
    ...{ saved_at: iso(savedAt), bytes, sha256 },
  };
}

function infoText(info: Named<SnapshotInfo>): string {
  const { id, name, instance, reboot_id, saved_at, bytes, sha256 } = shown(info);
  return [
    `id         ${id}`,
    `name       ${plainLine(name)}`,
    `instance   ${plainLine(instance)}`,
    `reboot     ${plainLine(reboot_id)}`,
    `saved      ${dateTime(saved_at)} UTC`,
    `size       ${size(bytes)}`,
    `sha256     ${plainLine(sha256)}`,
  ].join('\n');
}
