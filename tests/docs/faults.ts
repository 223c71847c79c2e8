/** The faults and attacks, F1 to F68: what happens, and what Segue does then. Which tests show it stands in requirements.ts. */
import { REQUIREMENTS } from '../requirements.ts';

interface Fault {
  fault: string;
  outcome: string;
  /** What of it is still to come; a row without tests must say it. */
  missing?: string;
}

interface Group {
  title: string;
  /** In the order of their ids, across all groups. */
  faults: readonly Fault[];
}

const fault = (fault: string, outcome: string, missing?: string): Fault => ({
  fault,
  outcome,
  ...(missing !== undefined && { missing }),
});

const FAULT_GROUPS: readonly Group[] = [
  {
    title: 'Processes',
    faults: [
      fault(
        'A server dies while it starts',
        'It is started again, after a wait that doubles. Clients wait. Two exits of its own before the handshake: Segue stops trying.',
      ),
      fault(
        'A server is killed with calls in flight',
        'What was not sent waits for the next server. What is safe to repeat is repeated once. The rest is answered: outcome unknown.',
      ),
      fault('A server is killed while it drains or stops', 'It counts as stopped. The reboot goes on.'),
      fault(
        'The new server does not start',
        'With a standby the reboot is refused and the old server goes on. Else it is tried again, then the last good command, then a person.',
      ),
      fault(
        'Segue is killed by `kill -9`',
        'A service goes on with its sessions at its next start. Over stdio the next start of the name ends what was left and says so in the history.',
      ),
      fault(
        'Segue is killed between a record and its effect',
        'The intent is recorded first. The next start finishes or undoes it.',
      ),
      fault(
        'A server ignores the end of its stdin, and SIGTERM',
        'SIGKILL at the deadline. It counts as stopped when its exit was seen.',
      ),
      fault(
        'A server has children, which hold its pipes',
        'Its process group is ended, the pipes are closed, and the exit is what is waited for.',
      ),
      fault('A child of the server leaves the process group', 'It lives on. See below.'),
      fault(
        'A zombie; a pid that was given to another process',
        'A zombie is dead. A process is killed only if its pid, start time and boot are those on record.',
      ),
      fault(
        'A server outlives Segue',
        'It is found by that record, or by its environment, and ended before another one starts.',
      ),
      fault(
        'A server crashes again and again',
        'Five times in a minute: no more starts, clients are told, and after a pause there is one trial.',
      ),
      fault(
        'A server never answers the handshake',
        'It is killed at the deadline. That counts as a failed start.',
      ),
      fault(
        'A server hangs',
        'A probe is not answered in time: it is rebooted. One that answers calls is not probed.',
      ),
      fault(
        'The command does not exist, or may not be run',
        'The start fails at once and the error names the path.',
      ),
      fault(
        'Processes or descriptors run out',
        'The running server goes on, starts are tried again, and the admin socket answers.',
      ),
      fault(
        'Segue itself hangs',
        'systemd misses its sign of life and starts it again. Then as after a kill.',
      ),
    ],
  },
  {
    title: 'Streams and protocol',
    faults: [
      fault('A server prints what is no message', 'It is logged, not too often, and dropped.'),
      fault('A malformed answer to a call', 'That call is answered with an error at once.'),
      fault('Half a line at the exit', 'It is dropped. The call as after any death.'),
      fault('Ten megabytes in one message', 'They pass, both ways, up to one limit.'),
      fault('A line without an end', 'That server is rebooted. Memory stays within the limit.'),
      fault('A flood on stderr', 'It is read, and its end kept. The server never waits for it.'),
      fault(
        'A server stops reading',
        'The queue to it is bounded. At a deadline it counts as hung, and every call has its answer.',
      ),
      fault('A client stops reading', 'What waits for it is bounded. Only that client is cut.'),
      fault('Two clients use the same request id', 'Each gets its own answer.'),
      fault('A client uses an id twice at once', 'The second request is refused, the first is answered.'),
      fault('A late or second answer of an old server', 'It is dropped and counted.'),
      fault(
        'A question of the server is open at a restart',
        'It is cancelled at the client. A late answer goes nowhere.',
      ),
      fault(
        'Progress, subscriptions and log level at a restart',
        'They are given to the new server. Progress only grows, and none comes after the answer.',
      ),
      fault('A batch', 'Refused where the protocol has none.'),
      fault(
        'The new server speaks another version, or can do less',
        'What a client can live with is hidden from it. Else it is told to initialize again.',
      ),
    ],
  },
  {
    title: 'Concurrency and clients',
    faults: [
      fault('A restart is asked for during a restart', 'It joins the one that runs.'),
      fault(
        'A restart is to be aborted',
        'Until the old server is told to end. After that it is refused, with the reason.',
      ),
      fault(
        'A session asks for its own restart',
        'Its call does not hold up the drain, and is answered when all is done.',
      ),
      fault(
        'A client leaves while its request waits',
        'Modern: the request is cancelled. Legacy: it is kept until it is cancelled or expires.',
      ),
      fault('A waiting request is cancelled', 'It is never sent.'),
      fault(
        'Too many requests wait, or for too long',
        'An error that says to try again. What was accepted stays. Ping and cancel pass.',
      ),
      fault('One client floods', 'It uses up its own share. Others are served.'),
      fault('Calls in flight never end', 'The drain ends at its deadline. The rest as after a death.'),
      fault(
        'The clock jumps by an hour',
        'Waits are measured by the monotonic clock. A deadline on record is cut to its own length.',
      ),
    ],
  },
  {
    title: 'Storage',
    faults: [
      fault(
        'The disk is full, read-only or broken',
        'Calls are relayed. A restart that should keep state is refused unless it is told otherwise. It is said.',
      ),
      fault(
        'Another process locks the database',
        'It is tried again for two seconds, beside the relay. Then as above.',
      ),
      fault(
        'The database is damaged',
        'It is moved aside. A new one is made, with the tasks of the newest good export. It is said aloud.',
      ),
      fault(
        'The write-ahead log is cut or lost',
        'The older state is compared with the processes that live, not trusted.',
      ),
      fault('The power fails', 'Intents are on the disk before they are acted on.'),
      fault(
        'The state is of a newer version',
        'A service refuses to start and names the version. Over stdio it relays and keeps nothing. Nothing is written.',
      ),
      fault('A snapshot is damaged or unknown', 'It is refused with the reason. The one before it is used.'),
      fault(
        'Two Segues have the same name',
        'Both serve. A port has one owner: the second one names it and ends.',
      ),
    ],
  },
  {
    title: 'Security',
    faults: [
      fault('DNS rebinding; a foreign Host or Origin', '403 before the body is read, on every route.'),
      fault(
        'A restart without the right to it',
        'Refused. The admin socket is the user’s own. Without tokens nothing but loopback is listened on.',
      ),
      fault(
        'Forged requests to the page, or the page in a frame',
        'The page takes requests of its own Origin alone, as JSON, and is shown in no frame.',
      ),
      fault(
        'A script in the name of a tool, in a log line',
        'All text goes into the page as text; nothing inline runs there.',
      ),
      fault(
        'A stolen or guessed session id',
        'Ids are random and belong to whoever began the session. For others they are unknown.',
      ),
      fault(
        'A request without a session, or of an unknown one',
        '400 or 404. A session that outlived the service asks again who it is.',
      ),
      fault(
        'A leak from one client to another',
        'Nothing of one session reaches another one, also with a shared server.',
      ),
      fault('A body too large, or sent too slowly', '413, or cut at a deadline. Connections are capped.'),
      fault(
        'A command in a setting or an argument',
        'No shell. No client can set command, arguments, environment or directory.',
      ),
      fault('A configuration that others can write, or a link to one', 'Refused.'),
      fault(
        'Secrets in the environment',
        'The environment of the server can be limited by a list. Values are never logged.',
      ),
      fault(
        'Secrets in snapshots, logs and files',
        'Content is sealed on disk and taken out of logs. Files are the user’s own, and deleted by age.',
      ),
      fault('The token of a client reaches the server', 'It stays at the front.'),
      fault(
        'Restarts as an attack',
        'Limited for each caller, and each is on record: who, why, with what result.',
      ),
      fault('Terminal codes in what a server prints', 'The commands print them as plain text.'),
      fault(
        'The tools of a server change at a restart',
        'They are compared, and the change is reported; with `toolChanges: hold` nobody sees or reaches them before an operator approves.',
      ),
      fault('A snapshot that somebody changed', 'Its seal does not fit. Refused.'),
      fault('The network breaks during a reboot', 'The reboot goes on. The session is resumed or expires.'),
      fault(
        'Some sessions cannot be kept',
        'The reboot succeeds in part and names them. The others are served.',
      ),
    ],
  },
];

/** Id, fault, outcome, and the test files. @throws for a row that no test shows and that does not say so */
export function faultRows(title: string): string[][] {
  const all = FAULT_GROUPS.flatMap(({ faults }) => faults);
  const { faults } = FAULT_GROUPS.find((group) => group.title === title)!;
  return faults.map((each) => {
    const id = `F${all.indexOf(each) + 1}`;
    const { where } = REQUIREMENTS.find((requirement) => requirement.id === id)!;
    if (where.length === 0 && each.missing === undefined) throw new Error(`no test shows ${id}`);
    const files = where.map((file) => `\`${file.replace(/^tests\/|\.test\.ts$/g, '')}\``).join(', ');
    return [id, each.fault, each.outcome, [files, each.missing].filter(Boolean).join('; ')];
  });
}
