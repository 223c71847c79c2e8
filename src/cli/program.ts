/** The commands and their options. Each command's own file is loaded when it is called. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { REASONS } from '../../machines/types.ts';
import { didYouMean } from '../config/nearest.ts';
import { ROLES } from '../control/roles.ts';
import { SegueError } from '../errors.ts';
import { CLIENTS, SCOPES } from '../install/clients.ts';
import { VERSION } from '../version.ts';
import type { Shell } from './completion.ts';
import * as help from './help.ts';
import type { Level } from './logs.ts';
import type { RebootOptions } from './reboot.ts';
import type { RunOptions } from './run.ts';
import type { Terminal } from './terminal.ts';
import { duration, size, words } from './units.ts';

const LEVELS: readonly Level[] = ['trace', 'debug', 'info', 'warn', 'error'];
const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

export interface Call {
  terminal: Terminal;
  /** What stands behind `--`, as given. */
  command: readonly string[] | undefined;
  /** Takes the exit code of the command that ran. */
  done(exitCode: number): void;
}

/** Parse with `{ from: 'user' }`; throws CommanderError (usage, help, version) and SegueError. */
export function createProgram(call: Call): Command {
  const program = new Command('segue')
    .description(
      'Restarts an MCP server under its live clients: nothing lost, nothing done twice, nobody reconnects.',
    )
    .usage(help.USAGE)
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => call.terminal.out(text.replace(/\n$/, '')),
      outputError: (text) => call.terminal.err(usageSentence(text)),
    });
  addRun(program, call);
  addServe(program, call);
  addLookers(program, call);
  addActors(program, call);
  addKeepers(program, call);
  addTokens(program, call);
  addInstallers(program, call);
  addHelpers(program, call);
  return program.addHelpText('after', help.EXAMPLES);
}

/** Two lines of commander as one sentence. */
function usageSentence(text: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)');
  return `segue: ${sentence}`;
}

function addRun(program: Command, { terminal, command }: Call): void {
  addServerOptions(program)
    .option('--page <port>', 'show what happens, on a page at this loopback port', wholeNumber(0, 65_535))
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .argument('[words...]')
    .action(async (words: string[]) => {
      if (words.length > 0) throw misplaced(words, program, command);
      const { run } = await import('./run.ts');
      await run(terminal, given(program), command);
    });
}

function addServe(program: Command, { terminal, command }: Call): void {
  const serve = program
    .command('serve')
    .description('serve many clients over HTTP')
    .usage('[options] [-- <command> [args…]]')
    .optionsGroup('Options of the service:')
    .option('--port <number>', 'where it listens (default: 8137)', wholeNumber(0, 65_535))
    .option(
      '--host <address>',
      'on which address (default: 127.0.0.1); any but loopback needs authentication',
    );
  addServerOptions(serve)
    .helpOption('-h, --help', 'print this help')
    .allowExcessArguments(false)
    .addHelpText('after', help.SERVE_EXAMPLE)
    .action(async () => {
      const { serve: run } = await import('./serve.ts');
      await run(terminal, { ...given(program), ...given(serve) }, command); // wherever they stand
    });
}

/** What is said of the server that is to be run, and of its restarts. */
function addServerOptions(program: Command): Command {
  return program
    .optionsGroup('Options of the wrapped server:')
    .option('--name <name>', 'name of the instance and its state (default: from the command)')
    .option('--cwd <dir>', 'where the server runs (default: here)')
    .option('--upstream <url>', 'where it serves MCP over HTTP, on loopback (default: stdin and stdout)')
    .option('--env-allow <names>', 'the only variables it sees, separated by commas (default: all)')
    .option('--isolation <how>', 'session: one client (default); shared: one server for several clients')
    .optionsGroup('Options of a restart:')
    .option(
      '--handover <how>',
      'exclusive: the old one ends first (default); overlap: the new one is ready before that',
    )
    .option('--spare', 'keep a second server ready for a crash (costs the memory of one more)')
    .option('--optimistic', 'answer initialize and lists as the last start did while the server starts')
    .option('--replay <policy>', 'calls repeated after a crash: annotated (default), listed, never')
    .option('--watch <glob>', 'restart when one of these files changes (may be repeated)', collect)
    .option('--build <command>', 'run this first; when it fails, the old server runs on', words)
    .option('--max-rss <size>', 'restart a server that takes more memory, e.g. 512M', size)
    .option('--max-age <duration>', 'restart a server that is older, e.g. 12h', duration)
    .option('--no-tools', 'leave out the five orchestrator_* tools and the reboot:// resources')
    .optionsGroup('Other options:')
    .option('--inspect', 'serve the XState inspector protocol on a loopback port')
    .option('--config <file>', 'read settings from this file')
    .option('--set <name=value>', 'any other setting, e.g. timing.drainMs=5000 (may be repeated)', collect)
    .option('--no-persist', 'keep nothing on disk: no history, no snapshots')
    .option(
      '--log-level <level>',
      'trace, debug, info (default), warn, error, silent; the log goes to stderr',
    );
}

function addLookers(program: Command, call: Call): void {
  const { terminal, done } = call;
  program.commandsGroup('Commands for what runs:');
  subcommand(program, call, 'list', 'show the instances that run')
    .addHelpText('after', help.LIST_EXAMPLE)
    .action(async (options) => done(await (await import('./list.ts')).list(terminal, options)));
  subcommand(program, call, 'status', 'show one instance in full')
    .argument('[instance]', help.INSTANCE)
    .option('--watch', 'again once a second')
    .addHelpText('after', help.STATUS_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./status.ts')).status(terminal, instance, options)),
    );
  subcommand(program, call, 'top', 'watch instances live: workers, sessions, reboots')
    .argument('[instance]', help.INSTANCE)
    .addHelpText('after', help.TOP_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./top.ts')).top(terminal, instance, options)),
    );
  subcommand(program, call, 'logs', 'show the log of an instance')
    .argument('[instance]', help.INSTANCE)
    .option('-f, --follow', 'go on with what comes, till the instance ends')
    .addOption(new Option('--level <level>', 'this and what is worse').choices(LEVELS))
    .option('--limit <count>', 'how many lines of the past', wholeNumber(0, 1000), 100)
    .addHelpText('after', help.LOGS_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./logs.ts')).logs(terminal, instance, options)),
    );
  subcommand(program, call, 'history', 'show past reboots, or all of one')
    .argument('[id]', 'of a reboot, or its beginning')
    .option('--name <name>', 'of this instance only')
    .option('--limit <count>', 'how many', wholeNumber(1, 1000), 20)
    .addHelpText('after', help.HISTORY_EXAMPLE)
    .action(async (id, options) => done(await (await import('./history.ts')).history(terminal, id, options)));
  subcommand(program, call, 'statechart', 'print the state machine of a restart, of a task or of a fleet')
    .addOption(
      new Option('--format <format>', 'how').choices(['json', 'mermaid', 'svg', 'xstate']).default('mermaid'),
    )
    .addOption(new Option('--machine <name>', 'which').choices(['reboot', 'task', 'fleet']).default('reboot'))
    .addHelpText('after', help.STATECHART_EXAMPLE)
    .action(async (options) => done((await import('./statechart.ts')).statechart(terminal, options)));
}

function addActors(program: Command, call: Call): void {
  const { terminal, command, done } = call;
  subcommand(program, call, 'reboot', 'restart a server under its clients', true)
    .argument('[instance]', help.INSTANCE)
    .usage('[instance] [options] [-- <new command> [args…]]')
    .addOption(new Option('--reason <reason>', 'kept in the history').choices(REASONS))
    .option(
      '--timeout <seconds>',
      'budget of the whole reboot, 10 to 300 (default: 30)',
      wholeNumber(10, 300),
    )
    .option('--no-graceful', 'do not wait for calls in flight, kill at once')
    .option('--no-preserve-state', 'do not keep worker and task state (sessions and requests are kept)')
    .option('--no-wait', 'return at once with the id of the reboot')
    .option('--cwd <dir>', 'where the new command runs')
    .addHelpText('after', help.REBOOT_EXAMPLE)
    .action(async (instance: string | undefined, options: RebootOptions) =>
      done(await (await import('./reboot.ts')).reboot(terminal, instance, options, command)),
    );
  subcommand(program, call, 'abort', 'undo a reboot that has just begun')
    .argument('[instance]', help.INSTANCE)
    .addHelpText('after', help.ABORT_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./abort.ts')).abort(terminal, instance, options)),
    );
  subcommand(program, call, 'approve', 'let clients see tools that are held since a restart')
    .argument('[instance]', help.INSTANCE)
    .addHelpText('after', help.APPROVE_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./approve.ts')).approve(terminal, instance, options)),
    );
  subcommand(program, call, 'reset', 'start a server again that has failed')
    .argument('[instance]', help.INSTANCE)
    .addHelpText('after', help.RESET_EXAMPLE)
    .action(async (instance, options) =>
      done(await (await import('./reboot.ts')).reset(terminal, instance, options)),
    );
}

function addKeepers(program: Command, call: Call): void {
  const { terminal, done } = call;
  program.commandsGroup('Commands for what is on disk:');
  const snapshots = program
    .command('snapshots')
    .description('list, show, verify or prune what reboots have saved')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', help.SNAPSHOTS_EXAMPLE);
  const load = () => import('./snapshots.ts');
  const name = ['--name <name>', 'of this name only'] as const;
  subcommand(snapshots, call, 'list', 'show what is stored')
    .option(...name)
    .addHelpText('after', help.SNAPSHOTS_LIST_EXAMPLE)
    .action(async (options) => done(await (await load()).listSnapshots(terminal, options)));
  subcommand(snapshots, call, 'show', 'show what is known of one')
    .argument('<id>', 'of a snapshot, or its beginning')
    .option(...name)
    .option('--reveal', 'print its content: needs the key, is put on record')
    .addHelpText('after', help.SNAPSHOTS_SHOW_EXAMPLE)
    .action(async (id, options) => done(await (await load()).showSnapshot(terminal, id, options)));
  subcommand(snapshots, call, 'verify', 'open and check each')
    .option(...name)
    .addHelpText('after', help.SNAPSHOTS_VERIFY_EXAMPLE)
    .action(async (options) => done(await (await load()).verifySnapshots(terminal, options)));
  subcommand(snapshots, call, 'prune', 'delete old ones')
    .option(...name)
    .requiredOption('--keep <count>', 'how many good ones of each name stay', wholeNumber(1, 1000))
    .addHelpText('after', help.SNAPSHOTS_PRUNE_EXAMPLE)
    .action(async (options) => done(await (await load()).pruneSnapshots(terminal, options)));
  subcommand(program, call, 'backup', 'copy the database of a name while it is in use')
    .argument('<file>', 'that is to be made')
    .requiredOption('--name <name>', 'of the instance')
    .option('--force', 'replace the file')
    .addHelpText('after', help.BACKUP_EXAMPLE)
    .action(async (file, options) =>
      done(await (await import('./backup.ts')).backup(terminal, file, options)),
    );
  subcommand(program, call, 'restore-db', 'put a backup in the place of the database')
    .argument('<file>', 'that segue backup has made')
    .requiredOption('--name <name>', 'of the instance')
    .addHelpText('after', help.RESTORE_DB_EXAMPLE)
    .action(async (file, options) =>
      done(await (await import('./backup.ts')).restoreDb(terminal, file, options)),
    );
}

function addTokens(program: Command, call: Call): void {
  const { terminal, done } = call;
  program.commandsGroup('Commands for the configuration:');
  const tokens = program
    .command('token')
    .description('add, list or remove tokens: who may call segue serve')
    .helpCommand(false)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', help.TOKEN_EXAMPLE);
  const load = () => import('./token.ts');
  const config = ['--config <file>', 'that holds them (default: SEGUE_CONFIG)'] as const;
  subcommand(tokens, call, 'add', 'make one: it is printed once, its hash is kept')
    .argument('<name>', 'of the caller, for the history')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('client'))
    .option(...config)
    .addHelpText('after', help.TOKEN_ADD_EXAMPLE)
    .action(async (name, options) =>
      done((await load()).addToken(terminal, name, { ...given(program), ...options })),
    );
  subcommand(tokens, call, 'list', 'show names and roles')
    .option(...config)
    .addHelpText('after', help.TOKEN_LIST_EXAMPLE)
    .action(async (options) => done((await load()).listTokens(terminal, { ...given(program), ...options })));
  subcommand(tokens, call, 'remove', 'lock one out')
    .argument('<name>', 'of the caller')
    .option(...config)
    .addHelpText('after', help.TOKEN_REMOVE_EXAMPLE)
    .action(async (name, options) =>
      done((await load()).removeToken(terminal, name, { ...given(program), ...options })),
    );
}

function addHelpers(program: Command, call: Call): void {
  const { terminal, command, done } = call;
  program.commandsGroup('Commands for this machine:');
  subcommand(program, call, 'doctor', 'check this machine, and a server', true)
    .usage('[options] [-- <command> [args…]]')
    .option('--cwd <dir>', 'where the server runs (default: here)')
    .option('--upstream <url>', 'where it serves MCP over HTTP (default: stdin and stdout)')
    .option('--env-allow <names>', 'the only variables it sees, separated by commas (default: all)')
    .option('--config <file>', 'read settings, and the command, from this file')
    .option('--set <name=value>', 'any other setting (may be repeated)', collect)
    .addHelpText('after', help.DOCTOR_EXAMPLE)
    .action(async (options) =>
      done(await (await import('./doctor.ts')).doctor(terminal, { ...given(program), ...options }, command)),
    );
  program
    .command('completion')
    .description('print a script that completes commands in a shell')
    .helpOption('-h, --help', 'print this help')
    .addArgument(new Argument('<shell>', 'that it is for').choices(SHELLS))
    .allowExcessArguments(false)
    .addHelpText('after', help.COMPLETION_EXAMPLE)
    .action(async (shell: Shell) =>
      done((await import('./completion.ts')).completion(terminal, program, shell)),
    );
}

function addInstallers(program: Command, call: Call): void {
  const { terminal, done } = call;
  const load = () => import('./install.ts');
  const shared = (command: Command) =>
    command
      .addArgument(new Argument('<client>', 'whose configuration it is').choices(CLIENTS))
      .option('--dry-run', 'show what would change, change nothing')
      .option('--file <path>', 'the configuration, when it is not where the client has it')
      .addOption(
        new Option('--scope <scope>', 'of all projects, or of this one').choices(SCOPES).default('user'),
      );
  shared(subcommand(program, call, 'install', 'put segue in front of the servers of an MCP client'))
    .option('--server <name>', 'this one (may be repeated)', collect)
    .option('--all', 'all that can be wrapped')
    .addHelpText('after', help.INSTALL_EXAMPLE)
    .action(async (client, options) => done((await load()).install(terminal, client, options)));
  shared(subcommand(program, call, 'uninstall', 'undo segue install'))
    .addHelpText('after', help.UNINSTALL_EXAMPLE)
    .action(async (client, options) => done((await load()).uninstall(terminal, client, options)));
}

function subcommand(
  program: Command,
  { command }: Call,
  name: string,
  description: string,
  takesCommand = false,
): Command {
  return program
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .option('--json', 'print JSON')
    .allowExcessArguments(false)
    .hook('preAction', () => {
      if (command !== undefined && !takesCommand)
        throw new SegueError('INVALID_PARAMETERS', `segue ${name} takes no command behind --`);
    });
}

/** The options that the person gave, without commander's defaults: they would hide the file's. */
function given(program: Command): RunOptions {
  const all = Object.entries(program.opts());
  return Object.fromEntries(all.filter(([key]) => program.getOptionValueSource(key) === 'cli'));
}

/** Words in front of `--` that are no command of ours. */
function misplaced(
  words: readonly string[],
  program: Command,
  command: readonly string[] | undefined,
): SegueError {
  const [word] = words;
  const names = program.commands.map((each) => each.name());
  const hint = didYouMean(word!, names);
  const separator =
    command === undefined ? `; a server's command goes behind --: segue -- ${words.join(' ')}` : '';
  return new SegueError('INVALID_PARAMETERS', `unknown command "${word}"${hint || separator}`);
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
