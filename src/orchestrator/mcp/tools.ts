/** The seven tools of the orchestrator, one table for both eras. */
import { z } from 'zod';
import type { Env } from '../../env.ts';
import { READS, type Tool, type ToolCall } from '../../mcp/tools.ts';
import * as schemas from '../schemas.ts';
import type { Orchestrator } from '../types.ts';
import { whileBusy } from './waiting.ts';

export interface ToolContext {
  env: Env;
  orchestrator: Orchestrator;
  /** Aborted when a reboot suspends the tasks: calls that wait are answered then. */
  rebooting: AbortSignal;
}

const wait = z
  .boolean()
  .default(false)
  .describe(
    'Answer when no recipe of the task runs or can begin any more, at the latest after 45 s; with a progress token it ' +
      'is told how far they are',
  );

const executeInput = schemas.executeInput.extend({ wait });
const completeInput = schemas.completeInput.extend({ wait });

export const EXECUTE = 'orchestrator_execute_task';

const WRITES = { readOnlyHint: false, destructiveHint: false, idempotentHint: false } as const;

export const TOOLS: readonly Tool<ToolContext>[] = [
  {
    name: 'orchestrator_plan_task',
    title: 'Plan a task',
    description:
      'Writes down a task and, where it is large, its subtasks: what each needs, who should do it, what comes first. ' +
      'Nothing is begun. The plan is durable: it outlives restarts of the server and of the client.',
    input: schemas.planInput,
    output: schemas.planOutput,
    annotations: { ...WRITES, openWorldHint: false },
    run: ({ orchestrator }, input) => orchestrator.plan(input as schemas.PlanInput),
  },
  {
    name: EXECUTE,
    title: 'Execute a task',
    description:
      'Begins a task, or goes on with it: hands out the steps that you can do now, each with its context and guidance, ' +
      'and starts the steps that have a recipe. What stands in suspended.error starts again only with resume.',
    input: executeInput,
    output: schemas.executeOutput,
    annotations: { ...WRITES, openWorldHint: true },
    execution: { taskSupport: 'optional' },
    run: (context, input, call) => execute(context, input as z.infer<typeof executeInput>, call),
  },
  {
    name: 'orchestrator_complete_task',
    title: 'Complete a step',
    description:
      'Records what came of a step that was handed out to you, with its result and artifacts, and says what can begin ' +
      'now. The same said twice changes nothing.',
    input: completeInput,
    output: schemas.completeOutput,
    annotations: { ...WRITES, idempotentHint: true, openWorldHint: false },
    run: (context, input, call) => complete(context, input as z.infer<typeof completeInput>, call),
  },
  {
    name: 'orchestrator_query_tasks',
    title: 'Query tasks',
    description: 'Lists tasks and steps, newest first, by state, role, or the task they belong to.',
    input: schemas.queryInput,
    output: schemas.queryOutput,
    annotations: READS,
    run: ({ orchestrator }, input) => orchestrator.query(input as schemas.QueryInput),
  },
  {
    name: 'orchestrator_get_status',
    title: 'Get status',
    description: 'How far a task is, or all of them, and which steps wait for a person.',
    input: schemas.statusInput,
    output: schemas.statusOutput,
    annotations: READS,
    run: ({ orchestrator }, input) => orchestrator.status(input as schemas.StatusInput),
  },
  {
    name: 'orchestrator_cancel_task',
    title: 'Cancel a task',
    description:
      'Gives up a task with all its steps, or a step with all that depend on it. Commands that run for them are ended.',
    input: schemas.cancelInput,
    output: schemas.cancelOutput,
    annotations: { ...WRITES, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    run: ({ orchestrator }, input) => orchestrator.cancel(input as schemas.CancelInput),
  },
  {
    name: 'orchestrator_synthesize_results',
    title: 'Synthesize results',
    description: 'What the steps of a task came to, in an order that can be read, as data and as Markdown.',
    input: schemas.synthesizeInput,
    output: schemas.synthesizeOutput,
    annotations: READS,
    run: ({ orchestrator }, input) => orchestrator.synthesize(input as schemas.SynthesizeInput),
  },
];

async function execute(
  context: ToolContext,
  { wait, ...input }: z.infer<typeof executeInput>,
  call: ToolCall,
): Promise<schemas.ExecuteOutput> {
  const { orchestrator } = context;
  const begun = await orchestrator.execute(input);
  if (!wait) return begun;
  if ((await whileBusy(context, begun.task.task_id, call)) !== 'reboot')
    return orchestrator.execute({ ...input, resume: false });
  const task = schemas.taskOut.parse(await orchestrator.readTask(begun.task.task_id));
  return { ...begun, task, message: `The server is being restarted. ${begun.message}` };
}

async function complete(
  context: ToolContext,
  { wait, ...input }: z.infer<typeof completeInput>,
  call: ToolCall,
): Promise<schemas.CompleteOutput> {
  const done = await context.orchestrator.complete(input);
  if (!wait || done.parent === null) return done;
  await whileBusy(context, done.parent.task_id, call);
  const parent = schemas.taskOut.parse(await context.orchestrator.readTask(done.parent.task_id));
  return { ...done, parent };
}
