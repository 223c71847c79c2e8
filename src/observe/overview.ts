/** All that an onlooker sees at once, each part of it read now: what the page and `segue top` draw. */
import { assertReader } from '../control/roles.ts';
import type { HealthReport, RestartReport, StatusReport } from '../control/schemas.ts';
import type { Control, InstanceInfo, Principal, WorkerView } from '../control/types.ts';

export interface Overview {
  /** ISO-8601 UTC */
  at: string;
  info: InstanceInfo;
  /** Of a service: the roll while one goes on, else the worker that is worst off. */
  status: StatusReport['current_status'];
  workers: WorkerView[];
  health: HealthReport;
  /** Newest first; at most 20. */
  history: RestartReport[];
  totals: Omit<NonNullable<StatusReport['history']>, 'recent_restarts'>;
  /** Steps of the orchestrator's tasks by their state; null where there is no database. */
  tasks: Record<string, number> | null;
}

const HEALTH = {
  include_reboot_readiness: true,
  include_connection_status: true,
  include_database_status: true,
};

/** @throws SegueError NOT_AUTHORIZED for the role client */
export async function overview(control: Control, who: Principal): Promise<Overview> {
  assertReader(who, 'the overview');
  const [{ current_status, history, timestamp }, workers, health, tasks] = await Promise.all([
    control.status({ include_history: true, include_error_details: true }, who),
    control.workers(),
    control.health(HEALTH, who),
    control.taskCounts(),
  ]);
  const { recent_restarts = [], ...totals } = history ?? NO_HISTORY;
  return {
    at: timestamp,
    info: control.info(),
    status: current_status,
    ...{ workers, health, history: recent_restarts, totals, tasks },
  };
}

const NO_HISTORY = {
  recent_restarts: [],
  total_restarts: 0,
  success_rate: null,
  last_successful_restart: null,
};
