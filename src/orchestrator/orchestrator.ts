/**
 * The task orchestrator (design.md, "The embedded worker"). The task tables are the truth: everything here can be killed
 * at any moment, and whoever comes next goes on from them.
 */
import { join } from 'node:path';
import { BUSY_BUDGET_MS } from '../../db/busy.ts';
import { connect } from '../../db/database.ts';
import type { TaskState } from '../../machines/task-states.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { Seal } from '../serializer/seal.ts';
import { databaseFile, privateDirectory } from '../state/directory.ts';
import { RETENTION_MS } from '../state/retention.ts';
import type { StopPlan } from '../worker/stop.ts';
import { ArtifactFiles } from './artifacts.ts';
import { cancel } from './cancel.ts';
import { complete } from './complete.ts';
import { execute } from './execute.ts';
import { ownerOf } from './leases.ts';
import { plan } from './plan.ts';
import { query } from './query.ts';
import { RecipeRunner } from './runs.ts';
import type * as s from './schemas.ts';
import type { OrchestratorSettings } from './settings.ts';
import { healthOf, statusOf } from './status.ts';
import { TaskStore } from './store.ts';
import { letGo, outcomeOf, takeBack } from './suspend.ts';
import { synthesize } from './synthesize.ts';
import { takeOver } from './takeover.ts';
import type { Orchestrator, OrchestratorHealth, Suspension, TaskChange } from './types.ts';
import { artifactOut, taskDetail } from './views.ts';
import { ForeignChanges } from './watch.ts';

export interface OrchestratorOptions {
  env: Env;
  log: Log;
  /** The state directory of the name. */
  directory: string;
  seal: Seal;
  /** Of the supervisor. */
  instance: string;
  /** Of this worker. */
  generation: number;
  settings: OrchestratorSettings;
  /** Another database lies where ours did; the commands have been ended. The process has to begin anew. */
  onReplaced(): void;
}

/** After SIGTERM, before SIGKILL, for a command whose step was cancelled. */
const CANCEL: StopPlan = { soft: true, stdinEndMs: 0, termMs: 2_000 };
const LONGEST_TERM_MS = 2_000;
const CLOSE_MS = 300;
/** A close does not wait for a locked database longer than this. */
const CLOSE_SLACK_MS = 1_000;

/**
 * Opens the database and begins to take over what dead owners left; that goes on behind it.
 * @throws SegueError STATE_CORRUPTION (damaged, or from a newer version) or SYSTEM_NOT_READY
 */
export async function createOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const { env, directory } = options;
  await privateDirectory(directory);
  const db = await connect(databaseFile(directory), env, { budgetMs: BUSY_BUDGET_MS });
  return new TaskOrchestrator(options, db);
}

class TaskOrchestrator implements Orchestrator {
  readonly #env: Env;
  readonly #log: Log;
  readonly #settings: OrchestratorSettings;
  readonly #store: TaskStore;
  readonly #files: ArtifactFiles;
  readonly #runner: RecipeRunner;
  readonly #foreign: ForeignChanges;
  readonly #listeners = new Set<(change: TaskChange) => void>();
  #looking: Promise<void>;
  #nextLook = () => {};
  #suspension: Promise<Suspension> | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: OrchestratorOptions, db: TaskStore['db']) {
    const { env, log, directory, seal, settings } = options;
    this.#env = env;
    this.#log = log;
    this.#settings = settings;
    const self = ownerOf(env, options.instance, options.generation);
    this.#store = new TaskStore({
      ...{ env, log, db, seal, self },
      onChange: (change) => this.#tell(change),
      onReplaced: () => {
        this.#runner.abandon();
        options.onReplaced();
      },
    });
    const artifacts = join(directory, 'artifacts');
    this.#files = new ArtifactFiles({ env, seal, directory: artifacts, maxBytes: settings.maxArtifactBytes });
    this.#runner = new RecipeRunner(env, log, this.#store, settings);
    this.#foreign = new ForeignChanges(this.#store);
    this.#looking = this.#look({ atStart: true });
    void this.#looking.then(() => this.#purge());
  }

  plan(input: s.PlanInput): Promise<s.PlanOutput> {
    return plan(this.#env, this.#store, this.#settings, input);
  }

  async execute(input: s.ExecuteInput): Promise<s.ExecuteOutput> {
    await this.#looking;
    if (this.#suspension !== null)
      throw new SegueError('SHUTDOWN_IN_PROGRESS', 'nothing is begun during a reboot', { retryAfterS: 1 });
    const output = await execute(this.#store, input);
    void this.#runner.fill();
    return output;
  }

  async complete(input: s.CompleteInput): Promise<s.CompleteOutput> {
    const output = await complete(this.#store, this.#files, input);
    void this.#runner.fill();
    return output;
  }

  query(input: s.QueryInput): Promise<s.QueryOutput> {
    return query(this.#store, input);
  }

  status(input: s.StatusInput): Promise<s.StatusOutput> {
    const { parallel } = this.#settings;
    return statusOf(this.#store, input, { running: this.#runner.steps.length, parallel });
  }

  async cancel(input: s.CancelInput): Promise<s.CancelOutput> {
    const output = await cancel(this.#store, input);
    await this.#endCancelled();
    return output;
  }

  synthesize(input: s.SynthesizeInput): Promise<s.SynthesizeOutput> {
    return synthesize(this.#store, input);
  }

  readTask(taskId: string): Promise<s.TaskDetail> {
    return this.#store.read(() => taskDetail(this.#store, this.#store.get(taskId)));
  }

  stateOf(taskId: string): Promise<TaskState | null> {
    return this.#store.read(() => this.#store.db.tasks.get(taskId)?.state ?? null);
  }

  async readArtifact(artifactId: string): Promise<s.ArtifactOut & { content: Buffer }> {
    const row = await this.#store.read(() => this.#store.db.artifacts.get(artifactId));
    if (row === null) throw new SegueError('INVALID_PARAMETERS', `there is no artifact ${artifactId}`);
    return { ...artifactOut(this.#store, row), content: await this.#files.read(row) };
  }

  onChange(listener: (change: TaskChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  takenOver(): Promise<void> {
    return this.#looking;
  }

  suspend(deadlineMs: number): Promise<Suspension> {
    this.#suspension ??= this.#suspend(deadlineMs);
    return this.#suspension;
  }

  async #suspend(deadlineMs: number): Promise<Suspension> {
    this.#nextLook();
    this.#runner.hold(); // at once: a resume may come before anything below
    const termMs = Math.min(LONGEST_TERM_MS, deadlineMs / 4);
    await this.#looking;
    const running = await this.#store.read(() => this.#store.db.leases.runningSteps(this.#store.self));
    this.#log.debug({ running, deadlineMs }, 'tasks are being suspended');
    await this.#runner.drain(deadlineMs - termMs, { soft: true, stdinEndMs: 0, termMs });
    await letGo(this.#store, () => this.#runner.isOpen); // open: the reboot was taken back meanwhile
    return this.#store.read(() => outcomeOf(this.#store, running));
  }

  async resume(): Promise<void> {
    if (this.#suspension === null || this.#closing !== null) return;
    this.#runner.reopen();
    await this.#suspension.catch(() => {}); // whoever suspended was told
    await takeBack(this.#store);
    this.#suspension = null;
    this.#looking = this.#look();
  }

  health(): Promise<OrchestratorHealth> {
    return healthOf(this.#store, this.#runner.steps);
  }

  close(deadlineMs = CLOSE_MS): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const tooLate = new AbortController();
    const suspended = this.suspend(deadlineMs).catch((error) =>
      this.#log.error({ err: error }, 'tasks could not be suspended; the next start takes them over'),
    );
    const late = delay(this.#env, deadlineMs + CLOSE_SLACK_MS, tooLate.signal).catch(() => {}); // it was not
    await Promise.race([suspended, late]);
    tooLate.abort();
    this.#nextLook();
    this.#store.close();
  }

  #tell(change: TaskChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** Takes over from the dead, ends what others cancelled, tells what they did. Never rejects; looks again later. */
  async #look({ atStart } = { atStart: false }): Promise<void> {
    try {
      await takeOver(this.#env, this.#log, this.#store, { atStart });
      for (const change of await this.#store.read(() => this.#foreign.next())) this.#tell(change);
    } catch (error) {
      this.#lookFailed(error);
    }
    // Not waited for: a command that does not want to end must not keep us from looking.
    this.#endCancelled().catch((error) => this.#lookFailed(error));
    if (this.#suspension !== null) return;
    void this.#runner.fill();
    this.#nextLook = this.#env.timer(
      this.#settings.lookEveryMs,
      () => {
        this.#looking = this.#look();
      },
      { unref: true },
    );
  }

  #lookFailed(error: unknown): void {
    if (!this.#store.closed) this.#log.warn({ err: error }, 'a look at the tasks of others failed');
  }

  /** Commands that run here and whose step was cancelled, by us or by others. */
  async #endCancelled(): Promise<void> {
    const unwanted = await this.#store.read(() =>
      this.#runner.steps.filter(({ step }) => this.#store.get(step).state !== 'running'),
    );
    await Promise.all(unwanted.map(({ step }) => this.#runner.stop(step, CANCEL)));
  }

  async #purge(): Promise<void> {
    const { db } = this.#store;
    try {
      const gone = await this.#store.write(() => {
        const old = db.tasks.ended(this.#env.now() - RETENTION_MS);
        const ids = old.flatMap((id) => db.artifacts.idsOfRoot(id));
        for (const id of old) db.tasks.remove(id);
        return ids;
      });
      await this.#files.discard(gone);
      await this.#files.sweep((id) => db.artifacts.get(id) !== null);
    } catch (error) {
      if (!this.#store.closed) this.#log.warn({ err: error }, 'old tasks could not be deleted');
    }
  }
}
