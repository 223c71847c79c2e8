/**
 * Runs the recipes of the tasks that this orchestrator drives, a bounded number side by side. A run is written down
 * before its command is started, with its process before it gets its input, and with its exit together with what that
 * makes of the step: whoever finds a run that is still open knows that its outcome is unknown.
 */
import type { RunEnd } from '../../db/recipe-runs.ts';
import type { TaskRow } from '../../db/tasks.ts';
import { delay, type Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import type { StopPlan } from '../worker/stop.ts';
import type { JsonValue } from './content.ts';
import { type Recipe, type RecipeEnd, type RecipeRun, startRecipe } from './recipe.ts';
import type { OrchestratorSettings } from './settings.ts';
import type { TaskStore } from './store.ts';
import { priorResults } from './views.ts';

/** From one try to write something down to the next. */
const RETRY_MS = 500;

interface Intent {
  id: string;
  step: TaskRow;
  attempt: number;
  recipe: Recipe;
  input: JsonValue;
}

interface Running {
  step: string;
  idempotent: boolean;
  /** Null while its process is being made. */
  run: RecipeRun | null;
  /** How it is to be ended, once somebody wanted that. */
  stopped: StopPlan | null;
  settled: Promise<void>;
}

export class RecipeRunner {
  readonly #env: Env;
  readonly #log: Log;
  readonly #store: TaskStore;
  readonly #settings: OrchestratorSettings;
  readonly #running = new Map<string, Running>();
  #filling: Promise<void> = Promise.resolve();
  #open = true;
  #reopened = Promise.withResolvers<void>();

  constructor(env: Env, log: Log, store: TaskStore, settings: OrchestratorSettings) {
    this.#env = env;
    this.#log = log;
    this.#store = store;
    this.#settings = settings;
  }

  /** The steps whose commands run now. */
  get steps(): { step: string; idempotent: boolean }[] {
    return [...this.#running.values()];
  }

  /** Starts what is ready, as far as there is room. Never rejects. */
  fill(): Promise<void> {
    // One after the other: what became ready while an earlier look was on its way must not be missed.
    this.#filling = this.#filling.then(() => this.#fill());
    return this.#filling;
  }

  async #fill(): Promise<void> {
    try {
      while (this.#open && this.#running.size < this.#settings.parallel) {
        // Most looks find nothing, and take no lock for that.
        if ((await this.#store.read(() => this.#next())) === null) return;
        const intent = await this.#store.write(() => this.#intendNext());
        if (intent) this.#launch(intent);
      }
    } catch (error) {
      this.#log.error({ err: error }, 'a recipe could not be started; it is tried again');
    }
  }

  /** Ends the command of a step, if it runs here; resolves when that is written down. */
  async stop(step: string, plan: StopPlan): Promise<void> {
    const found = [...this.#running.values()].find((each) => each.step === step);
    if (!found) return;
    end(found, plan);
    await found.settled;
  }

  /** Starts nothing more until `reopen`. */
  hold(): void {
    this.#open = false;
    this.#reopened = Promise.withResolvers();
  }

  /**
   * After `hold`: lets what runs finish for `graceMs`, then ends it. Resolves when all is written down, or after a
   * `reopen`, be it before this call: what was not being ended by then runs on.
   */
  async drain(graceMs: number, plan: StopPlan): Promise<void> {
    const { promise: reopened } = this.#reopened;
    await this.#filling;
    let ending = false;
    const overdue = this.#env.timer(graceMs, () => {
      ending = true;
      for (const each of this.#running.values()) end(each, plan);
    });
    const settled = Promise.all([...this.#running.values()].map((each) => each.settled));
    await Promise.race([settled, reopened]);
    overdue();
    if (ending) await settled;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Ends all at once, and nothing of it can be written down. */
  abandon(): void {
    this.#open = false;
    for (const each of this.#running.values()) end(each, { soft: false });
  }

  reopen(): void {
    this.#open = true;
    this.#reopened.resolve();
  }

  #next(): TaskRow | null {
    const { db, self, damaged } = this.#store;
    return db.leases.nextRecipeStep(self, damaged);
  }

  /** The next step, begun, with its run on record; null when there is none, or none that can be run. */
  #intendNext(): Intent | null {
    const step = this.#next();
    let intent: Intent | null = null;
    if (step !== null)
      this.#store.forEach([step.root], () => {
        intent = this.#intend(step.id);
      });
    return intent;
  }

  /** Null when it cannot be run: then it is put aside. */
  #intend(ready: string): Intent | null {
    const { db, self } = this.#store;
    const step = this.#store.apply(ready, { type: 'start' });
    const recipe = this.#settings.recipes[step.recipe!];
    if (recipe === undefined) {
      this.#putAside(step.id, `the configuration has no recipe "${step.recipe}" any more`);
      return null;
    }
    const { attempt } = this.#store.snapshot(step).context;
    const id = this.#env.uuid();
    const { instance, generation } = self;
    const { idempotent } = recipe;
    const startedAt = this.#store.now();
    db.recipeRuns.intend({
      ...{ id, task: step.id, root: step.root, attempt, idempotent, instance, generation, startedAt },
    });
    return { id, step, attempt, recipe, input: this.#inputOf(step, attempt) };
  }

  #inputOf(step: TaskRow, attempt: number): JsonValue {
    const { title, description, params } = this.#store.content(step);
    const context = priorResults(this.#store, step) as unknown as JsonValue;
    return {
      task_id: step.id,
      title,
      description,
      role: step.role,
      attempt,
      params: params ?? null,
      context,
    };
  }

  #launch(intent: Intent): void {
    const { step, recipe } = intent;
    const running: Running = {
      ...{ step: step.id, idempotent: recipe.idempotent, run: null, stopped: null },
      settled: Promise.resolve(),
    };
    this.#running.set(intent.id, running);
    running.settled = this.#run(intent, running).then(() => {
      this.#running.delete(intent.id);
      void this.fill();
    });
  }

  async #run(intent: Intent, running: Running): Promise<void> {
    const { id, attempt, recipe, input } = intent;
    const { cwd, environment } = this.#settings;
    let run: RecipeRun;
    try {
      run = await startRecipe(this.#env, { id, attempt, recipe, cwd, environment });
    } catch (error) {
      const { message } = SegueError.from(error, 'PROCESS_FAILED');
      return this.#surely(() => this.#neverBegan(intent, message));
    }
    running.run = run;
    if (running.stopped) run.stop(running.stopped);
    const process = { pid: run.pid, startTime: run.startTime, bootId: this.#env.bootId() };
    await this.#surely(() => this.#store.db.recipeRuns.started(id, process));
    if (!running.stopped) run.feed(input);
    const end = await run.ended;
    await this.#surely(() => this.#settle(intent, end));
  }

  #settle({ id, step, recipe }: Intent, { exit, stderrTail, cutOff, failure, result }: RecipeEnd): void {
    const tail = this.#store.seal.seal(Buffer.from(stderrTail), `recipe/${id}/stderr`);
    if (!this.#close(id, { exitCode: exit.code, exitSignal: exit.signal, stderrTail: tail })) return;
    if (this.#store.get(step.id).state === 'running') {
      if (cutOff && recipe.idempotent) this.#store.apply(step.id, { type: 'interrupt', safe: true });
      else if (cutOff) this.#putAside(step.id, 'its command was ended for a reboot');
      else if (failure !== null) this.#store.apply(step.id, { type: 'fail' }, { error: failure });
      else this.#store.apply(step.id, { type: 'complete' }, { result, error: undefined });
    } // else it was cancelled
    this.#store.dropLease(step.root);
  }

  #neverBegan({ id, step }: Intent, why: string): void {
    if (!this.#close(id, { exitCode: null, exitSignal: null, stderrTail: null })) return;
    if (this.#store.get(step.id).state === 'running') this.#putAside(step.id, why);
    this.#store.dropLease(step.root);
  }

  /** False when somebody else has taken it over: then what we saw does not count. */
  #close(id: string, how: Pick<RunEnd, 'exitCode' | 'exitSignal' | 'stderrTail'>): boolean {
    const ours = this.#store.db.recipeRuns.end(id, { state: 'ended', endedAt: this.#store.now(), ...how });
    if (!ours) this.#log.error({ run: id }, 'a recipe ended after somebody else had taken it over');
    return ours;
  }

  #putAside(step: string, error: string): void {
    this.#store.apply(step, { type: 'interrupt', safe: false }, { error });
  }

  /** A run is not given up because the database is locked or full: as long as we live it is tried again. */
  async #surely(write: () => void): Promise<void> {
    for (;;) {
      try {
        return await this.#store.write(write);
      } catch (error) {
        this.#log.error({ err: error }, 'what a recipe did could not be written down');
        // Whoever takes over finds the run open.
        const passing = (error as SegueError).code === 'SYSTEM_NOT_READY';
        if (!passing || this.#store.closed) return;
        await delay(this.#env, RETRY_MS);
      }
    }
  }
}

function end(running: Running, plan: StopPlan): void {
  running.stopped = plan;
  running.run?.stop(plan);
}
