/** The task orchestrator: a call is a task of one recipe, which is seen through over all deaths. */
import { performance } from 'node:perf_hooks';
import type { TaskState } from '../../machines/task-states.ts';
import type { ConfigInput } from '../../src/config.ts';
import type { History, Outcome } from '../history/history.ts';
import { worker } from '../support/launch.ts';
import type { Json, Message } from '../support/raw-client.ts';
import { type Call, PATIENCE_MS } from './client.ts';
import type { Caller, Scene, Stage } from './scene.ts';
import { StdioScene } from './stdio-scene.ts';

const command = worker('chaos-recipe');
const env = ['PATH', 'HOME', 'EXEC_LOG'];
const CONFIG: ConfigInput = {
  orchestrator: { recipes: { once: { command, env }, again: { command, env, idempotent: true } } },
};

/** A task does not end in the other states. */
const OUTCOMES: Partial<Record<TaskState, Outcome>> = {
  completed: 'ok',
  failed: 'error',
  cancelled: 'error',
  'suspended.error': 'unknown',
};

/** What is not tried here: a recipe that cannot be recorded is not begun, and a client speaks no MCP of its own. */
const OTHERS = ['garbage', 'slow reader', 'server exits', 'supervisor killed, then its disk full'];

export class OrchestratorScene implements Scene {
  readonly name = 'orchestrator';
  readonly lanes = 4;
  readonly reboots = 0;
  readonly tools = { once: 2, again: 1 };
  readonly faults: Readonly<Record<string, number>>;
  readonly #inner: StdioScene;
  readonly #history: History;
  #tasks = 0;

  constructor(stage: Stage) {
    this.#history = stage.history;
    this.#inner = new StdioScene(this.name, 'legacy', stage, { tasks: CONFIG });
    this.faults = Object.fromEntries(
      Object.entries(this.#inner.faults).filter(([fault]) => !OTHERS.includes(fault)),
    );
  }

  begin = () => this.#inner.begin();
  ready = () => this.#inner.ready();
  strike = (fault: string) => this.#inner.strike(fault);
  log = () => this.#inner.log();
  end = () => this.#inner.end();

  clients(): readonly Caller[] {
    return [{ call: (call) => this.#call(call) }];
  }

  /** Each task stands for itself, as if it had a client of its own: recipes run side by side. */
  async #call({ tool, args = {}, repeats }: Call): Promise<void> {
    const start = performance.now();
    const call = `${this.name}.${++this.#tasks}`;
    this.#history.clients.set(call, { ordered: false });
    this.#history.began({ call, client: call, tool, repeats, start });
    const end = (outcome: Outcome, detail?: string) =>
      this.#history.ended(call, performance.now(), outcome, detail);
    const planned = await this.#ask('orchestrator_plan_task', {
      title: call,
      recipe: tool,
      params: { ...args, call },
    });
    const task = taskOf(planned);
    if (!task) return end('refused', 'its plan was not answered'); // planned or not, nobody has begun it
    while (performance.now() - start < PATIENCE_MS) {
      const said = await this.#ask('orchestrator_execute_task', { task_id: task.task_id, wait: true });
      const { state } = taskOf(said) ?? {};
      const outcome = state === undefined ? undefined : OUTCOMES[state];
      this.#history.operations.get(call)!.detail = sayingOf(said);
      if (outcome === undefined) continue;
      this.#history.answers.push({ call, client: call, at: performance.now() });
      return end(outcome, '');
    }
    this.#history.overdue++;
  }

  /** Undefined where there was no answer. */
  async #ask(name: string, args: Json): Promise<Message | undefined> {
    await this.ready();
    const asked = this.#inner.life.client.ask('tools/call', { name, arguments: args });
    return asked.catch(() => undefined);
  }
}

/** What was said last of a task that did not end in time, for a person. */
function sayingOf(message: Message | undefined): string {
  const task = taskOf(message);
  return task ? `its task is ${task.state}` : JSON.stringify(message?.error ?? message?.result ?? null);
}

/** The task that a tool of the orchestrator tells of; undefined where it failed. */
function taskOf(message: Message | undefined): { task_id: string; state: TaskState } | undefined {
  const { task } = (message?.result?.structuredContent ?? {}) as {
    task?: { task_id: string; state: TaskState };
  };
  return task;
}
