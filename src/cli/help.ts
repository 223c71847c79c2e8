/** The longer texts of `segue --help`. */

export const USAGE = '[options] [-- <command> [args…]]';

/** For a person who has just typed `segue`. */
export const BY_HAND = `segue is an MCP server: it waits for an MCP client on its standard input.
Without a command it is the task orchestrator; segue -- <command> [args…] puts it in front of another server.
An MCP client starts it by itself: { "mcpServers": { "tasks": { "command": "segue" } } }
Ctrl-D or Ctrl-C ends it; segue --help has more.`;

export const EXAMPLES = `
Examples:
  segue -- node server.js                 wrap a server: what the MCP client starts
  segue                                   be one: the task orchestrator
  segue serve -- node server.js           serve many clients over HTTP
  segue --config segue.json               the same with recipes: commands that do its steps
  segue --name files -- npx -y @modelcontextprotocol/server-filesystem /srv
  segue reboot files                      restart it under its clients
  segue reboot files -- node new.js       restart it as another command
  segue status                            what it does now
  segue top                               the same, live
  segue doctor -- node server.js          is this machine, and that server, fit for it

In the configuration of an MCP client:
  { "mcpServers": { "files": { "command": "segue", "args": ["--name", "files", "--", "node", "server.js"] } } }

Settings come from flags, else from SEGUE_* variables, else from the file of --config or SEGUE_CONFIG.
A segue.json in the working directory is not read unless it is named.
Variables: SEGUE_CONFIG, SEGUE_NAME, SEGUE_LOG_LEVEL, SEGUE_ISOLATION, SEGUE_HANDOVER, SEGUE_REPLAY, SEGUE_TOOLS,
SEGUE_PERSIST, SEGUE_INSPECT.

Exit codes:
  0 done   1 failed   2 wrong usage or configuration   3 could not start   4 not ready, or too late to abort
  5 out of time   6 state damaged   7 the server failed   8 too many restarts   9 not allowed
  130 interrupted while waiting (a reboot goes on)`;

export const SERVE_EXAMPLE = `
Clients connect to http://127.0.0.1:8137/mcp. Their sessions outlive restarts of the server, and of the service itself.
With --isolation session (the default) each of them has a server of its own; with shared all have one together.
SIGTERM or Ctrl-C ends it: calls in flight are answered first (http.drainMs).

Examples:
  segue serve                                            the task orchestrator
  segue serve --isolation shared -- node server.js       one server for all clients
  segue serve --port 9000 --config segue.json            with tokens: see segue token --help`;

export const INSTANCE = 'name, pid, or the beginning of the id; may be left out when only one instance runs';

export const LIST_EXAMPLE = `
Example:
  segue list --json`;

export const STATUS_EXAMPLE = `
Examples:
  segue status files
  segue status --watch`;

export const REBOOT_EXAMPLE = `
What stands behind -- becomes the new command, as given: no shell looks at it. If it does not start, the last good
command runs again. It starts in the directory of the instance, or in --cwd.

Examples:
  segue reboot                            the only instance that runs
  segue reboot files --reason configuration_update --timeout 60
  segue reboot files -- node dist/server.js --verbose`;

export const ABORT_EXAMPLE = `
Until the old server is told to end, a reboot can be undone; after that the command refuses and says why.

Example:
  segue abort files`;

export const APPROVE_EXAMPLE = `
With --set toolChanges=hold, tools that are new or another after a restart are shown to no client and not called
before an operator approves them. segue status --json has them as held_tools.

Example:
  segue approve files`;

export const RESET_EXAMPLE = `
For an instance whose server could not be started, or crashed too often: its state is failed or broken.

Example:
  segue reset files`;

export const SNAPSHOTS_EXAMPLE = `
A snapshot is what a reboot has saved, sealed with the key of this user (or SEGUE_KEY).

Examples:
  segue snapshots list
  segue snapshots show 0a1b2c3d
  segue snapshots verify --name files
  segue snapshots prune --keep 3`;

export const SNAPSHOTS_LIST_EXAMPLE = `
Example:
  segue snapshots list --name files --json`;

export const SNAPSHOTS_SHOW_EXAMPLE = `
Without --reveal only what lies beside the sealed content is read, and no key is needed. --reveal prints messages of
your clients, and is put on record.

Examples:
  segue snapshots show 0a1b2c3d
  segue snapshots show 0a1b2c3d --reveal`;

export const SNAPSHOTS_VERIFY_EXAMPLE = `
Opens each snapshot and the export of its tasks, compares hashes, and names what is refused and why. Exit code 6 when
one is refused. Nothing is changed.

Example:
  segue snapshots verify --name files`;

export const SNAPSHOTS_PRUNE_EXAMPLE = `
Counts good snapshots only; where there are not so many, nothing is deleted. What another key has sealed stays.

Example:
  segue snapshots prune --name files --keep 3`;

export const BACKUP_EXAMPLE = `
By SQLite's own online backup, while the instance runs. What is sealed stays sealed: keep the key as well. Large
artifacts and the exports of tasks are files of their own in the state directory.

Example:
  segue backup --name files files.backup`;

export const RESTORE_DB_EXAMPLE = `
No instance of that name may run. The file is checked first; the database that was there is kept beside.

Example:
  segue restore-db --name files files.backup`;

export const TOKEN_EXAMPLE = `
Roles: client uses the server; monitor also reads the history; operator also restarts; admin may do everything.
As soon as there is one token, every caller needs one: the header "Authorization: Bearer <token>". A service that runs
takes changes when it is started again.

Examples:
  segue token add ci --role operator --config segue.json
  segue token list --config segue.json
  segue token remove ci --config segue.json`;

export const TOKEN_ADD_EXAMPLE = `
The file is made when there is none. Who loses a token removes it and adds another.

Example:
  segue token add ci --role operator --config segue.json`;

export const TOKEN_LIST_EXAMPLE = `
Example:
  segue token list --config segue.json --json`;

export const TOKEN_REMOVE_EXAMPLE = `
Example:
  segue token remove ci --config segue.json`;

export const INSTALL_EXAMPLE = `
Finds the configuration of the client and puts segue in front of the commands in it; without --server or --all it lists
them. What the file was is kept beside it. Servers that are reached by an address are left. The client takes the change
when it is started again.

Examples:
  segue install cursor
  segue install claude-code --server files --dry-run
  segue install vscode --all --scope project`;

export const UNINSTALL_EXAMPLE = `
Puts the file back byte for byte. When it was changed since, only what segue install has written is taken out.

Example:
  segue uninstall cursor`;

export const STATECHART_EXAMPLE = `
json is what the resource reboot://statechart says; mermaid is for Markdown; svg is a picture on its own, dark or light
as its viewer is; xstate is what createMachine of XState and the editor of stately.ai take. Nothing needs to run.
The states are those that segue status tells.

Examples:
  segue statechart --format svg > restart.svg
  segue statechart --machine fleet
  segue statechart --format xstate --machine task`;

export const HISTORY_EXAMPLE = `
Also works when nothing runs. With an id (or its beginning) all that is known of that reboot: who asked and why, how
the old server ended, the last it wrote to stderr, and the time of each phase.

Examples:
  segue history --name files --limit 5
  segue history 0a1b2c3d`;

export const DOCTOR_EXAMPLE = `
Looks at Node, clock, disk, configuration, directories, sockets, databases, the port of segue serve, and what dead
instances have left. A command behind -- (or of the configuration) is started, greeted and ended: its stdout must hold
messages only. Nothing is changed. Exit code 1 when a check fails; a warning is no failure.

Examples:
  segue doctor
  segue doctor --config segue.json
  segue doctor -- node server.js`;

export const COMPLETION_EXAMPLE = `
Names of instances that run are completed, too.

Examples:
  segue completion bash > ~/.local/share/bash-completion/completions/segue
  echo 'source <(segue completion zsh)' >> ~/.zshrc
  segue completion fish > ~/.config/fish/completions/segue.fish`;

export const TOP_EXAMPLE = `
Keys: q quits, r restarts (and asks first), a undoes a reboot that has just begun, arrows choose another instance.
Without a terminal, and with --json, it shows what is now and ends.

Examples:
  segue top
  segue top files --json`;

export const LOGS_EXAMPLE = `
An instance keeps its last 500 lines in memory; all of them go to its stderr. What it does not log (--log-level of the
instance) is not shown either.

Examples:
  segue logs files --level warn
  segue logs -f --json`;
