/** `segue install | uninstall <client>`: put Segue in front of the servers that a client has, and take it away again. */
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { didYouMean } from '../config/nearest.ts';
import { SegueError } from '../errors.ts';
import { type Client, type ClientConfig, configOf, type Place, type Scope } from '../install/clients.ts';
import { applyEdits, diff } from '../install/edits.ts';
import { addBackup, backupsOf, readConfig, removeBackups, replaceConfig } from '../install/file.ts';
import { launcherOf } from '../install/launcher.ts';
import { unwrapping, wrapping } from '../install/plan.ts';
import { type Judge, type Server, serversIn } from '../install/servers.ts';
import { counted, table } from './format.ts';
import { plain, plainJson, plainLine } from './plain.ts';
import type { Terminal } from './terminal.ts';

export interface InstallOptions {
  server?: string[];
  all?: boolean;
  dryRun?: boolean;
  file?: string;
  scope: Scope;
  json?: boolean;
}

/** Without --server and --all it lists the servers. @throws SegueError INVALID_PARAMETERS; then nothing was changed */
export function install(terminal: Terminal, client: Client, options: InstallOptions): number {
  const config = configFor(terminal, client, options);
  const text = readConfig(config.file);
  const servers = serversIn(text, config, judge());
  if (!options.all && options.server === undefined) return list(terminal, config, servers, options);
  const chosen = options.all ? servers : named(new Set(options.server), servers, config);
  const wrapped = chosen.filter(({ kind }) => kind === 'plain');
  const edits =
    wrapped.length === 0
      ? []
      : wrapping(text, chosen, launcherOf(options.scope, process.execPath, process.argv[1]!));
  const backup =
    edits.length > 0 && !options.dryRun ? change(config.file, text, applyEdits(text, edits)) : null;
  if (options.json) {
    terminal.out(plainJson({ file: config.file, backup, servers: chosen.map(shown) }));
    return 0;
  }
  if (servers.length === 0) terminal.out(`${config.file} has no servers`);
  if (options.dryRun && edits.length > 0) terminal.out(plain(diff(text, edits)));
  for (const server of chosen) terminal.out(sentence(server, options.dryRun));
  if (backup !== null)
    terminal.out(
      `${config.file} is changed, ${backup} is what it was. Start ${client} again; segue uninstall ${client} undoes it.`,
    );
  return 0;
}

/** Returns the backup; where the file could not be changed there is none. */
function change(file: string, text: string, changed: string): string {
  const backup = addBackup(file);
  try {
    replaceConfig(file, text, changed);
    return backup;
  } catch (error) {
    removeBackups([backup]);
    throw error;
  }
}

/** @throws SegueError INVALID_PARAMETERS; then nothing was changed */
export function uninstall(terminal: Terminal, client: Client, options: InstallOptions): number {
  const config = configFor(terminal, client, options);
  const text = readConfig(config.file);
  const backups = backupsOf(config.file);
  const texts = backups.map((backup) => backup.text);
  const { edits, unwrapped, left } = unwrapping(text, texts, config, judge());
  const restored = applyEdits(text, edits);
  const same = texts.indexOf(restored);
  if (edits.length > 0 && !options.dryRun) {
    replaceConfig(config.file, text, restored);
    if (same >= 0) removeBackups(backups.slice(0, same + 1).map((backup) => backup.file));
  }
  if (options.json) {
    const names = (servers: Server[]) => servers.map(({ name }) => name);
    terminal.out(
      plainJson({ file: config.file, identical: same >= 0, unwrapped: names(unwrapped), left: names(left) }),
    );
    return 0;
  }
  if (options.dryRun && edits.length > 0) terminal.out(plain(diff(text, edits)));
  for (const { name } of left)
    terminal.out(
      `${plainLine(name)}: left as it is; segue install did not write it, or it was changed since`,
    );
  terminal.out(unwrapped.length === 0 ? `nothing to undo in ${config.file}` : outcome());
  return 0;

  function outcome(): string {
    const servers = `${counted(unwrapped.length, 'server')} (${unwrapped.map(({ name }) => plainLine(name)).join(', ')})`;
    const verb = options.dryRun ? 'would be unwrapped' : 'unwrapped';
    if (same >= 0) return `${servers} ${verb}: ${config.file} as it was before, byte for byte`;
    const kept = backups.map(({ file }) => file).join(', ');
    return `${servers} ${verb}; ${config.file} was changed since install, these changes stay; kept: ${kept}`;
  }
}

function configFor(terminal: Terminal, client: Client, { file, scope }: InstallOptions): ClientConfig {
  const { environment, cwd } = terminal;
  const home = environment.HOME || environment.USERPROFILE || homedir();
  const place: Place = { platform: process.platform, environment, home, cwd };
  const config = configOf(client, scope, place);
  return file === undefined ? config : { ...config, file: resolve(cwd, file) };
}

function judge(): Judge {
  return { platform: process.platform, script: process.argv[1] && realpathSync(process.argv[1]) };
}

/** In one file the same name may be there twice: for all projects and for this one. */
function named(names: Set<string>, servers: readonly Server[], { file }: ClientConfig): Server[] {
  const invalid = (message: string) => new SegueError('INVALID_PARAMETERS', `${file}: ${message}`);
  for (const name of names) {
    const known = servers.map((server) => server.name);
    if (!known.includes(name)) throw invalid(`no server is called "${name}"${didYouMean(name, known)}`);
  }
  const chosen = servers.filter(({ name }) => names.has(name));
  const left = chosen.find(({ kind }) => kind === 'left');
  if (left) throw invalid(`"${left.name}" cannot be wrapped: ${left.why}`);
  return chosen;
}

function list(
  terminal: Terminal,
  { file }: ClientConfig,
  servers: readonly Server[],
  { json }: InstallOptions,
): number {
  if (json) terminal.out(plainJson({ file, backup: null, servers: servers.map(shown) }));
  else if (servers.length === 0) terminal.out(`${file} has no servers`);
  else {
    terminal.out(`${file} has ${counted(servers.length, 'server')}; nothing is changed yet:`);
    terminal.out(
      table(
        ['SERVER', 'STATE'],
        servers.map((each) => [plainLine(each.name), state(each)]),
      ),
    );
    terminal.out('Choose with --server <name>, or --all; with --dry-run you see what would change.');
  }
  return 0;
}

function shown(server: Server): object {
  const { name, section, kind, why } = server;
  return { name, section, was: kind, ...(kind === 'left' ? { why } : {}) };
}

function state({ kind, why }: Server): string {
  if (kind === 'left') return `cannot be wrapped: ${plainLine(why)}`;
  return kind === 'wrapped' ? 'wrapped' : 'can be wrapped';
}

function sentence({ name, kind, why }: Server, dryRun: boolean | undefined): string {
  const subject = plainLine(name);
  if (kind === 'left') return `${subject}: left as it is, ${plainLine(why)}`;
  if (kind === 'wrapped') return `${subject}: is wrapped already`;
  return `${subject}: ${dryRun ? 'would be wrapped' : 'wrapped'}`;
}
