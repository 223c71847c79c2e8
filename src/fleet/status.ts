/** `restart_status` of many workers: the roll while one goes on, else the worker that is worst off; and each of them. */
import type { StatusInput, StatusReport } from '../control/schemas.ts';
import type { Principal } from '../control/types.ts';
import { iso } from '../iso.ts';
import type { Member } from './members.ts';
import { sentence } from './report.ts';
import type { Roll } from './roll.ts';

type Status = StatusReport['current_status'];
type Worker = NonNullable<StatusReport['workers']>[number];

/** Best first. */
const TRAFFIC: readonly Status['traffic'][] = ['open', 'draining', 'replaying', 'holding', 'refusing'];

const NOBODY: Status = {
  state: 'idle',
  phase: null,
  progress: 100,
  message: 'No server runs; the first client starts one.',
  reboot_id: null,
  started_at: null,
  estimated_completion: null,
  maintenance_mode: false,
  traffic: 'open',
  abortable: false,
  attempt: 0,
  generation: 0,
  errors: [],
};

/** The first of those that are worst off: the gate first, then whether a reboot goes on. */
export function worstOf(statuses: readonly Status[]): Status {
  const rank = (status: Status) => TRAFFIC.indexOf(status.traffic) * 2 + Number(status.maintenance_mode);
  const [worst = NOBODY] = [...statuses].sort((one, other) => rank(other) - rank(one));
  return worst;
}

/** Without errors: those stand with each worker. */
export function rollStatus(roll: Roll): Status {
  const { value, context } = roll.snapshot;
  const running = context.members.filter(({ state }) => state === 'rebooting');
  const statuses = running.flatMap(({ id }) => roll.statuses.get(id) ?? []);
  const { traffic, generation, attempt } = worstOf(statuses);
  const waiting = context.members.filter(({ state }) => state === 'pending').length;
  const over = context.members.length - running.length - waiting;
  const reached = over * 100 + statuses.reduce((total, { progress }) => total + progress, 0);
  return {
    ...NOBODY,
    state: `fleet.${value}`,
    progress: context.members.length === 0 ? 100 : Math.floor(reached / context.members.length),
    message: sentence(roll),
    reboot_id: roll.id,
    started_at: iso(roll.startedAt),
    maintenance_mode: !roll.over,
    traffic,
    abortable: !roll.over && (waiting > 0 || statuses.some(({ abortable }) => abortable)),
    attempt,
    generation,
  };
}

/** `own` is the worker of the caller's session. The role client sees that one alone. */
export async function fleetStatus(
  members: readonly Member[],
  roll: Roll | null,
  input: StatusInput,
  who: Principal,
  own?: Member,
): Promise<Pick<StatusReport, 'current_status' | 'workers'>> {
  const seen = own && who.role === 'client' ? [own] : members;
  const ownFirst = [...seen].sort((one, other) => Number(other === own) - Number(one === own));
  const statuses = await Promise.all(
    ownFirst.map(async ({ control }) => {
      const { include_error_details } = input;
      return (await control.status({ include_history: false, include_error_details }, who)).current_status;
    }),
  );
  const showsRoll = roll && !roll.over && seen === members;
  return {
    current_status: showsRoll ? roll.status() : worstOf(statuses),
    workers: ownFirst.map((member, index) =>
      workerOf(member, statuses[index]!, { own: member === own, roll: showsRoll ? roll : null }),
    ),
  };
}

function workerOf(
  { instance }: Member,
  { state, phase, progress, message, traffic, generation, reboot_id }: Status,
  { own, roll }: { own: boolean; roll: Roll | null },
): Worker {
  const result = roll?.snapshot.context.members.find(({ id }) => id === instance)?.state;
  return {
    ...{ instance, own, state, phase, progress, message, traffic, generation, reboot_id },
    ...(result ? { result } : {}),
  };
}
