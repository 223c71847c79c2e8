/**
 * The operations behind tools, resources and admin socket (types.ts), on the parts that do the work. Each control
 * action is audited, refused ones too (F63).
 */
import { chartOf } from '../../machines/chart.ts';
import { isAbortable, stateOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { SegueError } from '../errors.ts';
import { iso } from '../iso.ts';
import { redactArgs } from '../observe/redact.ts';
import { VERSION } from '../version.ts';
import { healthReport, prepareReport } from './checks.ts';
import type { ControlDeps } from './deps.ts';
import { patiently } from './patiently.ts';
import { RateLimit } from './rate-limit.ts';
import { reconnectTest } from './reconnect-test.ts';
import { assertOperator, assertReader } from './roles.ts';
import type { RestartInput, RestartReport, StatusInput, StatusReport } from './schemas.ts';
import { currentStatus } from './status.ts';
import type { Control, InstanceInfo, Principal, RestartOptions } from './types.ts';
import { heldTools, sessionsOf, workerView } from './worker-view.ts';

const RECENT = 20;

export function createControl(deps: ControlDeps): Control {
  const { env, lifecycle, store } = deps;
  const limit = new RateLimit(env, deps.config.limits.restartsPerMinute, 'restarts');
  const rehearsals = new RateLimit(env, deps.config.limits.restartsPerMinute, 'rehearsals');
  let usualMs: number | null = null;

  function audit(who: Principal, action: string, detail: unknown, result: string): Promise<void> {
    return store.audit({ at: env.now(), principal: who.id, action, detail, result });
  }

  /** Runs a control action: who may not is refused, and what came of it is on record before he is told. */
  async function act<Result>(
    who: Principal,
    action: string,
    detail: unknown,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      assertOperator(who, action);
      if (stateOf(lifecycle.snapshot).startsWith('end')) {
        throw new SegueError('SHUTDOWN_IN_PROGRESS', 'Segue itself is shutting down');
      }
      const result = await work();
      await audit(who, action, detail, 'accepted');
      return result;
    } catch (error) {
      const failure = SegueError.from(error, 'PROCESS_FAILED');
      await audit(who, action, detail, failure.code);
      throw failure;
    }
  }

  function begin(
    input: RestartInput,
    who: Principal,
    { command, trigger = 'request' }: RestartOptions,
  ): string {
    const emergency = input.reason === 'emergency_shutdown';
    const running = lifecycle.running;
    if (running && command) {
      const text = `a reboot is going on (${running.rebootId}); the new command was not taken: ask again when it has ended`;
      throw new SegueError('SYSTEM_NOT_READY', text, { retryAfterS: 1 });
    }
    if (running && !emergency) return running.rebootId; // F33: joins
    if (who.sessionId !== undefined) limit.take(who.id);
    const run = lifecycle.newRun(trigger, {
      reason: input.reason,
      requestedBy: who.id,
      graceful: input.graceful && !emergency,
      preserveState: input.preserve_state,
      timeoutMs: input.timeout * 1000,
    });
    if (emergency) lifecycle.send({ type: 'emergency', run });
    else lifecycle.send({ type: 'reboot.request', run, ...(command ? { command } : {}) });
    const begun = lifecycle.running;
    if (begun && begun.rebootId === (running ?? run).rebootId) return begun.rebootId;
    throw new SegueError(
      'SYSTEM_NOT_READY',
      `no restart can begin in the state ${stateOf(lifecycle.snapshot)}`,
      {
        retryAfterS: 1,
      },
    );
  }

  async function wait(rebootId: string, options: RestartOptions): Promise<RestartReport> {
    const unwatch = lifecycle.onTransition((snapshot) => {
      // The end of the run is the answer itself: progress after an answer is an error to clients (F30).
      if (lifecycle.running?.rebootId === rebootId)
        options.onProgress?.(currentStatus(snapshot, usualMs, true));
    });
    try {
      return await patiently(env, lifecycle.ended(rebootId), () => lifecycle.report(rebootId), options);
    } finally {
      unwatch();
    }
  }

  lifecycle.onTransition((snapshot) => {
    const { lastRun } = snapshot.context;
    if (lastRun?.outcome === 'completed') usualMs = lifecycle.report(lastRun.rebootId).duration_ms ?? usualMs;
  });

  return {
    admit: (who, action, detail) =>
      act(who, action, detail, async () => {
        if (who.sessionId !== undefined) limit.take(who.id);
      }),
    async restart(input, who, options = {}) {
      const detail = {
        ...input,
        command: options.command && redactArgs([options.command.file, ...options.command.args]),
      };
      const rebootId = await act(who, 'restart', detail, async () => begin(input, who, options));
      return input.wait ? wait(rebootId, options) : lifecycle.report(rebootId);
    },
    abort: (who) =>
      act(who, 'abort', {}, async () => {
        const running = lifecycle.running;
        const state = stateOf(lifecycle.snapshot);
        if (!running) throw new SegueError('NOT_ABORTABLE', 'no reboot is going on');
        if (!isAbortable(lifecycle.snapshot)) {
          throw new SegueError(
            'NOT_ABORTABLE',
            `the reboot is past the point of return (${state}): the old server is being replaced`,
          );
        }
        lifecycle.send({ type: 'reboot.abort', at: env.now(), by: who.id });
        return { aborted: true as const, reboot_id: running.rebootId };
      }),
    reset: async (who, options = {}) => {
      const rebootId = await act(who, 'reset', {}, async () => {
        const state = stateOf(lifecycle.snapshot);
        if (state !== 'failed' && state !== 'broken') {
          throw new SegueError('INVALID_PARAMETERS', `nothing to reset: the state is ${state}`);
        }
        const run = lifecycle.newRun('reset', {
          reason: 'error_recovery',
          requestedBy: who.id,
          graceful: true,
          preserveState: true,
          timeoutMs: deps.config.timing.recoveryMs,
        });
        lifecycle.send({ type: 'operator.reset', run });
        return run.rebootId;
      });
      return wait(rebootId, options);
    },
    async approve(who) {
      const tools = heldTools(deps.connections);
      const approved = [...tools.keys()].sort();
      return act(who, 'approve', { tools: approved }, async () => {
        if (approved.length === 0) throw new SegueError('INVALID_PARAMETERS', 'no tool is held');
        await deps.connections.approveTools(tools, who.id);
        return { approved };
      });
    },
    health: (input) => healthReport(deps, input),
    prepare: (input) => prepareReport(deps, input),
    reconnectTest: (input, who) =>
      reconnectTest(deps, input, who, () => {
        if (who.sessionId !== undefined) rehearsals.take(who.id);
      }),
    async status(input: StatusInput, who: Principal): Promise<StatusReport> {
      if (input.include_history) assertReader(who, 'include_history');
      return {
        current_status: currentStatus(lifecycle.snapshot, usualMs, input.include_error_details),
        timestamp: iso(env.now()),
        ...(input.include_history ? { history: await history() } : {}),
        ...deps.windows.report(),
      };
    },
    history: (count) => store.history(count),
    report: async (rebootId) =>
      lifecycle.running?.rebootId === rebootId ? lifecycle.report(rebootId) : store.findReport(rebootId),
    info,
    workers: async () => [workerView(deps, usualMs)],
    taskCounts: () => store.taskCounts(),
    statechart: () => chartOf(rebootMachine),
    onTransition: (listener) =>
      lifecycle.onTransition((snapshot) => listener(currentStatus(snapshot, usualMs, true))),
  };

  async function history(): Promise<NonNullable<StatusReport['history']>> {
    const [recent, stats] = await Promise.all([store.history(RECENT), store.stats()]);
    return {
      recent_restarts: recent,
      total_restarts: stats.total,
      success_rate: stats.successRate,
      last_successful_restart: stats.lastSuccess,
    };
  }

  function info(): InstanceInfo {
    const { file, args, cwd } = lifecycle.snapshot.context.command;
    return {
      instance: deps.instance,
      name: deps.name,
      pid: process.pid,
      command: redactArgs([file, ...args]),
      cwd,
      started_at: iso(deps.startedAt),
      version: VERSION,
      sessions: sessionsOf(deps.connections),
    };
  }
}
