/**
 * The task tables, as the rest of the orchestrator uses them: one transaction at a time, each step of a task's life by
 * its machine, with its journal row, and with what follows from it for the tasks around it. Listeners are told after
 * the commit.
 */
import { getNextSnapshot } from 'xstate';
import { BUSY_BUDGET_MS, isBusy, isDamage, whileBusy } from '../../db/busy.ts';
import type { Database } from '../../db/database.ts';
import type { Owner } from '../../db/leases.ts';
import type { TaskRow } from '../../db/tasks.ts';
import { type TaskEvent, taskMachine } from '../../machines/task.ts';
import { packTask, type TaskSnapshot, taskStateOf, unpackTask } from '../../machines/task-persist.ts';
import { isFinal } from '../../machines/task-states.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Seal } from '../serializer/seal.ts';
import { openContent, sealContent, type TaskContent } from './content.ts';
import { sumOf } from './sum.ts';
import type { TaskChange } from './types.ts';

export interface TaskStoreOptions {
  env: Env;
  db: Database;
  seal: Seal;
  /** This process: what the journal and the leases name. */
  self: Owner;
  log: Log;
  onChange(change: TaskChange): void;
  /** Another database lies where ours did (F44): what is written now, nobody will find. Called at each look at it. */
  onReplaced(): void;
}

/** Tasks that change in one transaction: it holds the write lock, and the event loop. */
export const BATCH = 100;

export class TaskStore {
  readonly db: Database;
  readonly seal: Seal;
  readonly self: Owner;
  readonly #env: Env;
  readonly #log: Log;
  readonly #onChange: TaskStoreOptions['onChange'];
  readonly #onReplaced: () => void;
  #closed = false;
  /** Of the transaction that runs, by task. */
  #changes = new Map<string, TaskChange>();
  readonly #damaged = new Set<string>();

  constructor({ env, log, db, seal, self, onChange, onReplaced }: TaskStoreOptions) {
    this.#env = env;
    this.#log = log;
    this.db = db;
    this.seal = seal;
    this.self = self;
    this.#onChange = onChange;
    this.#onReplaced = onReplaced;
  }

  /** Commits all that `run` does, or nothing. Rejects SYSTEM_NOT_READY when another process holds the lock for 2 s. */
  async write<T>(run: () => T): Promise<T> {
    return this.#unlocked(() => {
      const result = this.db.transaction(() => {
        this.#changes = new Map();
        return run();
      });
      for (const change of this.#changes.values()) this.#onChange(change);
      return result;
    });
  }

  /** Tasks that cannot be restored (F48), found so far: they are left as they are. */
  get damaged(): readonly string[] {
    return [...this.#damaged];
  }

  /**
   * In a `write`: does the same to several tasks. One that is damaged does not hold up the others: it is named in the
   * log and left alone. Returns those for which `run` went well.
   */
  forEach(roots: readonly string[], run: (root: string) => void): string[] {
    return roots.filter((root) => {
      if (this.#damaged.has(root)) return false;
      const before = this.#changes;
      this.#changes = new Map();
      try {
        this.db.transaction(() => run(root));
        for (const [id, change] of this.#changes) before.set(id, change);
        return true;
      } catch (error) {
        if (!(error instanceof SegueError) || error.code !== 'STATE_CORRUPTION') throw error;
        this.#log.error({ err: error, task: root }, 'a task is damaged; it is left as it is');
        this.#damaged.add(root);
        return false;
      } finally {
        this.#changes = before;
      }
    });
  }

  /**
   * As `forEach`, so many to a transaction, with a turn of the event loop between two: what is relayed goes on
   * meanwhile, and SQLite's statements, which end with such a turn, do not fill the memory.
   */
  async inBatches(roots: readonly string[], run: (root: string) => void): Promise<void> {
    for (let from = 0; from < roots.length; from += BATCH) {
      if (from > 0) await delay(this.#env, 0);
      await this.write(() => this.forEach(roots.slice(from, from + BATCH), run));
    }
  }

  async read<T>(run: () => T): Promise<T> {
    return this.#unlocked(run);
  }

  async #unlocked<T>(run: () => T): Promise<T> {
    this.#checkPlace();
    try {
      const result = await whileBusy(this.#env, { budgetMs: BUSY_BUDGET_MS }, run);
      this.#checkPlace(); // before anybody counts on what was written
      return result;
    } catch (error) {
      if (!isBusy(error))
        throw SegueError.from(error, isDamage(error) ? 'STATE_CORRUPTION' : 'SYSTEM_NOT_READY');
      const message = 'another process holds the lock of the task database';
      throw new SegueError('SYSTEM_NOT_READY', message, { retryAfterS: 1, cause: error });
    }
  }

  #checkPlace(): void {
    if (this.#closed || !this.db.isReplaced()) return;
    this.#onReplaced();
    const message =
      'the task database was replaced under this orchestrator; the next one goes on with the new one';
    throw new SegueError('SYSTEM_NOT_READY', message, { retryAfterS: 1 });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Idempotent. What is written after that rejects SYSTEM_NOT_READY. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.db.close();
  }

  now(): number {
    return this.#env.now();
  }

  /** @throws SegueError INVALID_PARAMETERS for an unknown id */
  get(id: string): TaskRow {
    const row = this.db.tasks.get(id);
    if (row === null) throw new SegueError('INVALID_PARAMETERS', `there is no task ${id}`, { data: { id } });
    return row;
  }

  /** The steps of a task: its subtasks, or itself. */
  stepsOf(root: TaskRow): TaskRow[] {
    return root.kind === 'group' ? this.db.tasks.subtasks(root.id) : [root];
  }

  content(row: TaskRow): TaskContent {
    return openContent(this.seal, row);
  }

  snapshot(row: TaskRow): TaskSnapshot {
    const unpacked = unpackTask(row.machine);
    if (unpacked.ok) return unpacked.snapshot;
    throw new SegueError('STATE_CORRUPTION', `task ${row.id} cannot be restored: ${unpacked.reason}`);
  }

  /** In a `write`. */
  add(row: TaskRow): void {
    this.db.tasks.add(row);
    this.#record(row, null, 'plan');
  }

  /**
   * One step of a task's life and what follows from it: in a `write`. `change` goes into its content.
   * @throws SegueError INVALID_PARAMETERS when the task's state does not allow it; STATE_CORRUPTION
   */
  apply(id: string, event: TaskEvent, change?: Partial<TaskContent>): TaskRow {
    const row = this.get(id);
    const before = this.snapshot(row);
    if (!before.can(event))
      throw new SegueError('INVALID_PARAMETERS', `task ${row.id} is ${row.state}: no ${event.type}`, {
        data: { id: row.id, state: row.state },
      });
    const after = getNextSnapshot(taskMachine, before, event);
    const state = taskStateOf(after);
    const next: TaskRow = {
      ...row,
      state,
      progress: state === 'completed' ? 100 : row.progress,
      machine: packTask(after),
      updatedAt: this.now(),
      ...(change && { content: sealContent(this.seal, row.id, { ...this.content(row), ...change }) }),
    };
    this.db.tasks.change(row.id, next);
    this.#record(next, row.state, event.type);
    if (isFinal(state)) this.#end(next);
    if (next.parent !== null) this.sumUp(next.parent);
    return next;
  }

  #record(row: TaskRow, from: TaskRow['state'] | null, event: string): void {
    const { instance, generation } = this.self;
    const { id: task, root, state: to } = row;
    this.db.tasks.addEvent({ task, root, instance, generation, from, to, event, at: row.updatedAt });
    this.#changed(row);
  }

  #changed({ id: taskId, root: rootId, state, progress }: TaskRow): void {
    this.#changes.set(taskId, { taskId, rootId, state, progress });
  }

  /** Nobody drives a task that has ended, once its commands have, too: in a `write`. */
  dropLease(root: string): void {
    if (isFinal(this.get(root).state) && this.db.recipeRuns.openOf(root).length === 0)
      this.db.leases.remove(root);
  }

  /** The steps behind a step that ended begin, or never will. */
  #end(row: TaskRow): void {
    if (row.parent === null) return this.dropLease(row.id);
    for (const step of this.db.tasks.behind(row.id)) {
      // Read anew: what depends on it by another way as well may have ended with that.
      if (this.get(step.id).state !== 'pending') continue;
      if (row.state !== 'completed') {
        const how = row.state === 'failed' ? 'failed' : 'was cancelled';
        const error = `it depends on "${this.content(row).key}", which ${how}`;
        this.apply(step.id, { type: 'cancel' }, { error });
      } else if (this.db.tasks.isUnblocked(step.id)) this.apply(step.id, { type: 'unlock' });
    }
  }

  /** A task with steps follows them; another one is left as it is. In a `write`. */
  sumUp(id: string): void {
    const group = this.get(id);
    if (group.kind !== 'group' || isFinal(group.state)) return;
    const { event, progress } = sumOf(group.state, this.db.tasks.stepStates(group.id));
    if (progress !== group.progress) {
      const changed = { ...group, progress, updatedAt: this.now() };
      this.db.tasks.change(group.id, changed);
      this.#changed(changed);
    }
    if (event !== null) this.apply(group.id, event);
  }
}
