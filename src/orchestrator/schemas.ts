/**
 * What goes into the seven tools of the orchestrator and what comes out (design.md, "The embedded worker"). Times are
 * ISO-8601 UTC. A *task* is what was planned; its *subtasks* are the steps; a task without subtasks is its own step.
 */
import { z } from 'zod';
import { TASK_KINDS, TASK_STATES } from '../../machines/task-states.ts';
import { roleSchema } from './roles.ts';

export const LIMITS = {
  subtasks: 256,
  dependencies: 64,
  titleChars: 200,
  descriptionChars: 32_000,
  /** Of params and of a result, as JSON. */
  jsonChars: 1024 * 1024,
  artifactsPerStep: 16,
  page: 100,
} as const;

const time = z.iso.datetime();
const count = z.int().nonnegative();
const taskId = z.string().min(1).max(64).describe('As plan_task gave it');
const json = z.json().refine((value) => JSON.stringify(value).length <= LIMITS.jsonChars, {
  error: `at most ${LIMITS.jsonChars} characters of JSON`,
});

const what = {
  title: z.string().trim().min(1).max(LIMITS.titleChars),
  description: z.string().max(LIMITS.descriptionChars).default('').describe('What is to be done, in full'),
  role: roleSchema
    .default('implementer')
    .describe('Who should do it; its guidance is handed out with the step'),
  recipe: z
    .string()
    .optional()
    .describe("A command of the operator's configuration that does it; else the client does"),
  params: json.optional().describe('Input of the step, any JSON; a recipe gets it on its standard input'),
};

export const subtaskInput = z.strictObject({
  key: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .describe('Names it within this plan'),
  ...what,
  depends_on: z
    .array(z.string())
    .max(LIMITS.dependencies)
    .default([])
    .describe('Keys of subtasks that come first'),
});
export type SubtaskInput = z.infer<typeof subtaskInput>;

export const planInput = z.object({
  ...what,
  role: what.role.default('coordinator'),
  subtasks: z.array(subtaskInput).max(LIMITS.subtasks).default([]),
});
export type PlanInput = z.infer<typeof planInput>;

export const executeInput = z.object({
  task_id: taskId,
  resume: z
    .boolean()
    .default(false)
    .describe('Also start again what stands in suspended.error: its outcome is unknown, you decide'),
  max_steps: z.int().min(1).max(32).default(8).describe('How many steps to hand out at most'),
});
export type ExecuteInput = z.infer<typeof executeInput>;

export const artifactInput = z.strictObject({
  name: z.string().min(1).max(200),
  media_type: z.string().max(100).default('text/plain'),
  content: z.string(),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
export type ArtifactInput = z.infer<typeof artifactInput>;

export const completeInput = z.object({
  task_id: taskId,
  outcome: z.enum(['completed', 'failed']).default('completed'),
  result: json.optional().describe('What came out of it; the steps that depend on it are handed this'),
  error: z.string().max(LIMITS.descriptionChars).optional().describe('Why it failed'),
  artifacts: z.array(artifactInput).max(LIMITS.artifactsPerStep).default([]),
});
export type CompleteInput = z.infer<typeof completeInput>;

export const queryInput = z.object({
  states: z.array(z.enum(TASK_STATES)).optional(),
  role: roleSchema.optional(),
  parent_id: taskId.optional().describe('Only the subtasks of this one'),
  top_level: z.boolean().default(false).describe('Only tasks that are no subtask'),
  limit: z.int().min(1).max(LIMITS.page).default(20),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});
export type QueryInput = z.infer<typeof queryInput>;

export const statusInput = z.object({
  task_id: taskId.optional().describe('Without it: the whole orchestrator'),
});
export type StatusInput = z.infer<typeof statusInput>;

export const cancelInput = z.object({ task_id: taskId, reason: z.string().max(1000).default('') });
export type CancelInput = z.infer<typeof cancelInput>;

export const synthesizeInput = z.object({ task_id: taskId });
export type SynthesizeInput = z.infer<typeof synthesizeInput>;

export const taskOut = z.object({
  task_id: z.string(),
  parent_id: z.string().nullable(),
  /** Its name within the plan. */
  key: z.string().nullable(),
  title: z.string(),
  role: z.string(),
  kind: z.enum(TASK_KINDS),
  recipe: z.string().nullable(),
  state: z.enum(TASK_STATES),
  progress: z.number().min(0).max(100),
  /** How often it was started. */
  attempt: count,
  depends_on: z.array(z.string()),
  created_at: time,
  updated_at: time,
  /** Why it failed, was cancelled or is suspended. */
  error: z.string().optional(),
  /** What a person can do about suspended.error. */
  advice: z.string().optional(),
});
export type TaskOut = z.infer<typeof taskOut>;

export const artifactOut = z.object({
  artifact_id: z.string(),
  name: z.string(),
  media_type: z.string(),
  bytes: count,
  sha256: z.string(),
});
export type ArtifactOut = z.infer<typeof artifactOut>;

/** All of one task: what `task://{id}` shows. */
export const taskDetail = taskOut.extend({
  description: z.string(),
  params: z.json().optional(),
  result: z.json().optional(),
  artifacts: z.array(artifactOut),
  subtasks: z.array(taskOut),
});
export type TaskDetail = z.infer<typeof taskDetail>;

export const planOutput = z.object({
  task: taskOut,
  subtasks: z.array(taskOut),
  /** Keys of the subtasks that can be done side by side, wave after wave. */
  order: z.array(z.array(z.string())),
});
export type PlanOutput = z.infer<typeof planOutput>;

const priorResult = z.object({
  task_id: z.string(),
  key: z.string().nullable(),
  title: z.string(),
  result: z.json().optional(),
  artifacts: z.array(artifactOut),
});

/** A step for the client: all it needs to do it. */
export const stepOut = z.object({
  task_id: z.string(),
  key: z.string().nullable(),
  title: z.string(),
  description: z.string(),
  params: z.json().optional(),
  role: z.string(),
  guidance: z.string(),
  attempt: count,
  /** `before`: an earlier call handed it out already, and nobody has completed it. */
  handed_out: z.enum(['now', 'before']),
  /** What its dependencies came to. */
  context: z.array(priorResult),
});
export type StepOut = z.infer<typeof stepOut>;

export const executeOutput = z.object({
  task: taskOut,
  /** To be done by the client; each is ended by complete_task. */
  steps: z.array(stepOut),
  /** Recipe steps that run now or start as soon as there is room. */
  recipes: z.array(taskOut),
  /** Steps in suspended.error, each with its advice. */
  waiting: z.array(taskOut),
  message: z.string(),
});
export type ExecuteOutput = z.infer<typeof executeOutput>;

export const completeOutput = z.object({
  task: taskOut,
  parent: taskOut.nullable(),
  /** Steps that can begin now. */
  unlocked: z.array(taskOut),
  artifacts: z.array(artifactOut),
  /** The same result was recorded before: nothing was changed. */
  duplicate: z.boolean(),
  message: z.string(),
});
export type CompleteOutput = z.infer<typeof completeOutput>;

export const queryOutput = z.object({
  tasks: z.array(taskOut),
  total: count,
  next_cursor: z.string().optional(),
});
export type QueryOutput = z.infer<typeof queryOutput>;

export const statusOutput = z.object({
  timestamp: time,
  /** The one that was asked for, with its subtasks. */
  task: taskDetail.optional(),
  /** Of steps, by state. */
  counts: z.record(z.string(), count),
  /** Of this orchestrator: recipe commands that run now, and how many may. */
  running_recipes: count,
  parallel: count,
  waiting: z.array(taskOut),
});
export type StatusOutput = z.infer<typeof statusOutput>;

export const cancelOutput = z.object({
  task: taskOut,
  /** Everything that this call cancelled: the task, its subtasks, what depended on it. */
  cancelled: z.array(z.string()),
  message: z.string(),
});
export type CancelOutput = z.infer<typeof cancelOutput>;

export const synthesizeOutput = z.object({
  task: taskOut,
  /** Every step is completed. */
  complete: z.boolean(),
  /** In an order in which each step comes after those it depends on. */
  results: z.array(taskOut.extend({ result: z.json().optional(), artifacts: z.array(artifactOut) })),
  /** Ids of steps without a result. */
  missing: z.array(z.string()),
  /** The same for a reader, as Markdown. */
  text: z.string(),
});
export type SynthesizeOutput = z.infer<typeof synthesizeOutput>;
