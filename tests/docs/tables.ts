/** The tables of README.md and docs/ that are made from the code, so that they cannot rot. See update.ts. */
import type { AnyStateMachine } from 'xstate';
import { type ChartState, type ChartTransition, chartOf } from '../../machines/chart.ts';
import { fleetMachine } from '../../machines/fleet.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { taskMachine } from '../../machines/task.ts';
import type { StateMeta } from '../../machines/types.ts';
import { configSchema } from '../../src/config.ts';
import { isErrorCode, SegueError } from '../../src/errors.ts';
import { settingsOf } from '../../src/lifecycle/settings.ts';
import { TOOLS as TASK_TOOLS } from '../../src/orchestrator/mcp/tools.ts';
import { faultRows } from './faults.ts';
import { configurationRows } from './schema.ts';

type Row = readonly string[];

function markdown(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

const code = (text: string) => `\`${text}\``;

// ——— settings

/** Every key of the configuration file, with those below lists and names. */
function configurationTable(): string {
  return markdown(['key', 'type', 'default', 'meaning'], configurationRows());
}

// ——— the lifecycle

const LIFECYCLE = 'reboot.lifecycle.';

/** These lead from every state but the last two to the same one: said once, in the text. */
const EVERYWHERE = ['emergency', 'shutdown'];

/** Every state of the worker's lifecycle that has no states below it, and where it leads. */
function statesTable(): string {
  const lifecycle = chartOf(rebootMachine).states.find(({ key }) => key === 'lifecycle')!;
  return markdown(['state', 'phase', 'what it is', 'what leads out of it'], stateRows(lifecycle, []));
}

/** `inherited`: what holds in all states around this one. */
function stateRows(state: ChartState, inherited: readonly ChartTransition[]): Row[] {
  const transitions = [...state.transitions, ...inherited.filter(({ event }) => !handles(state, event))];
  if (state.states.length > 0) return state.states.flatMap((inner) => stateRows(inner, transitions));
  const { phase } = (state.meta ?? {}) as StateMeta;
  return [[code(shortId(state.id)), phase ?? '', state.description, waysOut(transitions)]];
}

function handles({ transitions }: ChartState, event: string): boolean {
  return event !== '' && transitions.some((each) => each.event === event);
}

function waysOut(transitions: readonly ChartTransition[]): string {
  const byWay = new Map<string, Set<string>>();
  for (const transition of transitions) {
    const target = transition.targets[0];
    if (target === undefined || EVERYWHERE.includes(transition.event) || isBrokenTimer(transition)) continue;
    const way = `${transition.guard === null ? '' : guardText(transition.guard)}→ ${code(shortId(target))}`;
    byWay.set(way, (byWay.get(way) ?? new Set()).add(eventText(transition.event)));
  }
  return [...byWay]
    .map(([way, events]) => `${[...events].filter(Boolean).join(' or ')} ${way}`.trim())
    .join('; ');
}

/** A timer that cannot be set counts as one that has fired. */
function isBrokenTimer({ event }: ChartTransition): boolean {
  return event.startsWith('xstate.error.actor.deadline.');
}

function shortId(id: string): string {
  return id.startsWith(LIFECYCLE) ? id.slice(LIFECYCLE.length) : id;
}

/** Only those that are decisions; `isCurrent` (of this generation) holds everywhere. */
function guardText(guard: string): string {
  return guard === 'isCurrent' ? '' : `(${guard}) `;
}

function eventText(event: string): string {
  const [, outcome, actor] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(event) ?? [];
  if (actor === undefined || outcome === undefined) return event === '' ? '' : code(event);
  if (actor.startsWith('deadline.'))
    return ['deadline.backoff', 'deadline.coolDown'].includes(actor) ? 'the wait is over' : 'deadline';
  return outcome === 'done' ? 'done' : 'failed';
}

const BUDGETS = {
  maintenance: 'maintenanceMs',
  suspend: 'drainCapMs',
  serialize: 'serializeMs',
  undo: 'undoMs',
  close: 'closeMs',
  kill: 'killMs',
  cleanup: 'cleanupMs',
  spawn: 'startMs',
  restore: 'restoreMs',
  reconnect: 'reconnectMs',
} as const;

/** The longest that each step may take by default. */
function budgetsTable(): string {
  const settings = settingsOf(configSchema.parse({}));
  const rows = Object.entries(BUDGETS).map(([step, setting]) => [step, `${settings[setting] / 1000} s`]);
  return markdown(['step', 'budget'], rows);
}

// ——— tasks

/** Every state of a small chart, and what leads out of it. */
function plainStatesTable(machine: AnyStateMachine): string {
  const name = (id: string) => code(id.replace(`${machine.id}.`, ''));
  const rows = (state: ChartState, inherited: readonly ChartTransition[]): Row[] => {
    const transitions = [...state.transitions, ...inherited];
    if (state.states.length > 0) return state.states.flatMap((inner) => rows(inner, transitions));
    const ways = transitions.flatMap(({ event, guard, targets: [target] }) => {
      const when = guard === null ? '' : `(${guard})`;
      return target === undefined ? [] : [`${`${event} ${when}`.trim()} → ${name(target)}`];
    });
    return [[name(state.id), state.description, ways.join(', ')]];
  };
  return markdown(['state', 'what it is', 'what leads out of it'], rows(chartOf(machine), []));
}

// ——— errors

/** What a relayed request can be answered with by Segue itself. */
const RELAYED: Record<string, string> = {
  OUTCOME_UNKNOWN:
    'The server died or was stopped while the call ran, and nobody declared the call safe to repeat.',
  HOLD_FULL: 'Too many requests wait. This one was not sent.',
  HOLD_EXPIRED:
    'The request waited as long as `limits.holdMs` allows. It was not sent, or is safe to repeat.',
  RECONNECT_REQUIRED:
    'The new server offers less than the client was shown. The client has to initialize again.',
  SYSTEM_NOT_READY: 'The server does not run: it could not be started, or crashed too often.',
  MESSAGE_TOO_LARGE: 'The request has more than `limits.maxLineBytes`. It was not sent.',
  MALFORMED_RESPONSE: 'The server answered with something that is no JSON-RPC response.',
};

function errorsTable(): string {
  const rows = Object.entries(RELAYED).map(([name, when]) => {
    if (!isErrorCode(name)) throw new Error(`no such error: ${name}`);
    const { code: rpc, data } = new SegueError(name, '').toRpc();
    return [code(name), String(rpc), data.retryable ? 'yes' : 'no', when];
  });
  return markdown(['`error.data.code`', '`error.code`', 'retry helps', 'when'], rows);
}

// ——— the tools of the orchestrator

function taskToolsTable(): string {
  const rows = TASK_TOOLS.map(({ name, description }) => [code(name), description]);
  return markdown(['tool', 'does'], rows);
}

// ——— faults

function faultsTable(group: string): string {
  return markdown(['', 'what happens', 'what Segue does', 'shown by'], faultRows(group));
}

export const TABLES: Record<string, () => string> = {
  configuration: configurationTable,
  errors: errorsTable,
  states: statesTable,
  budgets: budgetsTable,
  taskStates: () => plainStatesTable(taskMachine),
  fleetStates: () => plainStatesTable(fleetMachine),
  taskTools: taskToolsTable,
  faultsOfProcesses: () => faultsTable('Processes'),
  faultsOfStreams: () => faultsTable('Streams and protocol'),
  faultsOfClients: () => faultsTable('Concurrency and clients'),
  faultsOfStorage: () => faultsTable('Storage'),
  attacks: () => faultsTable('Security'),
};
