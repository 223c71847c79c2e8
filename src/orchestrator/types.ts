/** The orchestrator as its MCP surface sees it. */
import type { TaskState } from '../../machines/task-states.ts';
import type * as s from './schemas.ts';

/** A committed change of one task, made by this orchestrator or by another one of the name. */
export interface TaskChange {
  taskId: string;
  /** The task that it is a step of; its own id for a task that is no subtask. */
  rootId: string;
  state: TaskState;
  /** 0–100. */
  progress: number;
}

/** What a reboot finds. */
export interface OrchestratorHealth {
  /** Recipe commands that run now. */
  running: number;
  /** Steps in state running that a suspension leaves at a safe point. */
  suspendable: number;
  /** Ids of running steps whose recipe is not idempotent: cut off, they become suspended.error. */
  unsuspendable: string[];
  /** Ids of steps in suspended.error. */
  waiting: string[];
}

export interface Suspension {
  /** The steps that were running, and what became of them. */
  tasks: { id: string; state: TaskState }[];
}

/**
 * Every method that takes an input rejects with a SegueError: INVALID_PARAMETERS (unknown id, cycle, wrong state; the
 * message names it), SYSTEM_NOT_READY (the database is locked, or another live orchestrator owns the task),
 * SHUTDOWN_IN_PROGRESS (execute while suspended), STATE_CORRUPTION (a task that cannot be opened).
 */
export interface Orchestrator {
  plan(input: s.PlanInput): Promise<s.PlanOutput>;
  execute(input: s.ExecuteInput): Promise<s.ExecuteOutput>;
  complete(input: s.CompleteInput): Promise<s.CompleteOutput>;
  query(input: s.QueryInput): Promise<s.QueryOutput>;
  status(input: s.StatusInput): Promise<s.StatusOutput>;
  cancel(input: s.CancelInput): Promise<s.CancelOutput>;
  synthesize(input: s.SynthesizeInput): Promise<s.SynthesizeOutput>;
  readTask(taskId: string): Promise<s.TaskDetail>;
  /** Also of a task whose content cannot be opened; null where there is none. */
  stateOf(taskId: string): Promise<TaskState | null>;
  /** The content of an artifact. */
  readArtifact(artifactId: string): Promise<s.ArtifactOut & { content: Buffer }>;

  /** Called after each commit; must not throw. Returns the end of it. */
  onChange(listener: (change: TaskChange) => void): () => void;

  /** Resolves when the look for tasks of dead owners that is under way is through. Never rejects. */
  takenOver(): Promise<void>;
  /**
   * Starts nothing new, lets recipes finish until `deadlineMs` from now, ends what is left, puts every running step on
   * suspended.safe or suspended.error and gives its leases back. Idempotent.
   */
  suspend(deadlineMs: number): Promise<Suspension>;
  /** The reboot did not happen: goes on as before. Idempotent. */
  resume(): Promise<void>;
  health(): Promise<OrchestratorHealth>;
  /** Suspends within `deadlineMs` (default 300) and lets go of the database. Idempotent. */
  close(deadlineMs?: number): Promise<void>;
}
