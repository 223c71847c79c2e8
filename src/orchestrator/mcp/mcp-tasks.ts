/**
 * The orchestrator's durable tasks as MCP tasks: their ids are the same, so that a client which has one can ask for it
 * after any reboot. `tasks/*` of 2025-11-25, and the extension io.modelcontextprotocol/tasks of 2026-07-28.
 */
import { isFinal } from '../../../machines/task-states.ts';
import { SegueError } from '../../errors.ts';
import { RpcError } from '../../mcp/rpc-error.ts';
import { toolResult } from '../../mcp/tools.ts';
import { isObject, type Json } from '../../wire/message.ts';
import { type ExecuteOutput, type TaskDetail, taskOut } from '../schemas.ts';
import type { Orchestrator } from '../types.ts';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** A client that polls need not do it more often. */
const POLL_MS = 1_000;
/** In the `_meta` of a result that belongs to a task (2025-11-25). */
const RELATED = 'io.modelcontextprotocol/related-task';

/** Rejects INVALID_PARAMETERS without an id, or for an unknown one. */
export function taskOf(orchestrator: Orchestrator, taskId: unknown): Promise<TaskDetail> {
  if (typeof taskId !== 'string') throw new SegueError('INVALID_PARAMETERS', 'taskId is missing');
  return orchestrator.readTask(taskId);
}

/** In the form of 2025-11-25. */
export function legacyTask(task: TaskDetail): Json {
  return { ...common(task, legacyStatus(task)), ttl: null, pollInterval: POLL_MS };
}

function legacyStatus({ state }: TaskDetail): string {
  return isFinal(state) ? state : 'working';
}

/** In the form of 2026-07-28. There `failed` means that the call itself could not be carried out. */
export function modernTask(task: TaskDetail): Json {
  const status = task.state === 'failed' ? 'completed' : legacyStatus(task);
  return { ...common(task, status), ttlMs: null, pollIntervalMs: POLL_MS };
}

/** The same with what came of it: the answer of tasks/get. */
export async function detailedTask(orchestrator: Orchestrator, task: TaskDetail): Promise<Json> {
  const brief = modernTask(task);
  return brief.status === 'completed' ? { ...brief, result: await outcome(orchestrator, task) } : brief;
}

/** What tasks/result gives (2025-11-25) for a task that has ended. */
export async function relatedOutcome(orchestrator: Orchestrator, task: TaskDetail): Promise<Json> {
  return { ...(await outcome(orchestrator, task)), _meta: { [RELATED]: { taskId: task.task_id } } };
}

function common(task: TaskDetail, status: string): Json {
  return {
    ...{ taskId: task.task_id, status, statusMessage: statusMessage(task) },
    ...{ createdAt: task.created_at, lastUpdatedAt: task.updated_at },
  };
}

/** Says what somebody can do, where it does not go on by itself. */
function statusMessage({ task_id, state, progress, error, advice, subtasks }: TaskDetail): string {
  const waiting = subtasks.find((step) => step.advice !== undefined);
  const handOut = subtasks.filter(({ kind, state: of }) => kind === 'client' && /^(ready|running)$/.test(of));
  return [
    `${state}, ${progress} %.`,
    ...(error === undefined ? [] : [`${error}.`]),
    ...(handOut.length === 0 || isFinal(state)
      ? []
      : [`${handOut.length} to be done by you: orchestrator_execute_task {"task_id": "${task_id}"}.`]),
    ...(waiting ? [`"${waiting.title}" waits for a person. ${waiting.advice}`] : []),
    ...(advice === undefined ? [] : [advice]),
  ].join(' ');
}

/** What orchestrator_execute_task would answer about a task that has ended, and its results for a reader. */
async function outcome(orchestrator: Orchestrator, task: TaskDetail): Promise<Json> {
  const output: ExecuteOutput = {
    ...{ task: taskOut.parse(task), steps: [], recipes: [], waiting: [] },
    message: `The task is ${task.state}.`,
  };
  const { text } = await orchestrator.synthesize({ task_id: task.task_id });
  const said = toolResult(output);
  return {
    ...said,
    content: [...(said.content as Json[]), { type: 'text', text }],
    ...(task.state === 'completed' ? {} : { isError: true }),
  };
}

/** The client of a modern request understands tasks. */
export function understandsTasks(clientCapabilities: unknown): boolean {
  const extensions = isObject(clientCapabilities) ? clientCapabilities.extensions : undefined;
  return isObject(extensions) && extensions[TASKS_EXTENSION] !== undefined;
}

export function tasksNotUnderstood(): RpcError {
  const requiredCapabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  return new RpcError(-32021, 'Missing required client capability', { requiredCapabilities });
}
