/**
 * The orchestrator's part in its own reboot (docs/worker-extension.md). Its state is in the database: what Segue carries
 * from one generation to the next is only which steps were cut off, for the report.
 */
import { z } from 'zod';
import { isFinal } from '../../../machines/task-states.ts';
import type { Json } from '../../wire/message.ts';
import type { Opener } from '../opener.ts';
import { LIMITS } from '../schemas.ts';
import type { Orchestrator } from '../types.ts';

/** Two generations may live side by side: each task has one owner, by its lease. */
export const DECLARATION = { handover: 'overlap', durable: true } as const;

/** The answer has to arrive within the deadline, too. */
const ANSWER_MS = 500;

const suspendInput = z.looseObject({ deadline_ms: z.number().positive() });
const stateSchema = z.looseObject({ suspended: z.array(z.string()) });

export class RebootHelper {
  readonly #opener: Opener;
  #rebooting = new AbortController();
  #suspended: string[] = [];

  constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** Aborted from a suspension on, until that is taken back. */
  get rebooting(): AbortSignal {
    return this.#rebooting.signal;
  }

  async suspend(params: Json): Promise<Json> {
    const { deadline_ms } = suspendInput.parse(params);
    this.#rebooting.abort();
    const orchestrator = await this.#opener.get();
    const found = await orchestrator.suspend(deadline_ms - Math.min(ANSWER_MS, deadline_ms / 2));
    const tasks = found.tasks.filter(({ state }) => !isFinal(state)); // some have just ended
    this.#suspended = tasks.map(({ id }) => id);
    return { tasks };
  }

  async resume(): Promise<Json> {
    await (await this.#opener.get()).resume();
    this.#rebooting = new AbortController();
    return {};
  }

  async serialize(): Promise<Json> {
    return { state: { suspended: this.#suspended } };
  }

  /** Answers when the tasks of the old generation were taken over, with what became of them. */
  async restore({ state }: Json): Promise<Json> {
    const orchestrator = await this.#opener.get();
    await orchestrator.takenOver();
    const given = stateSchema.safeParse(state);
    const waiting = (await orchestrator.health()).waiting;
    const ids = given.success ? given.data.suspended : await openSteps(orchestrator);
    const tasks = await Promise.all(
      [...new Set([...ids, ...waiting])].map(async (id) => ({ id, state: await orchestrator.stateOf(id) })),
    );
    return { tasks: tasks.filter(({ state }) => state !== null) };
  }

  async health(): Promise<Json> {
    const { running, suspendable, unsuspendable, waiting } = await (await this.#opener.get()).health();
    return {
      ok: true,
      message: `${running} recipes run, ${waiting.length} steps wait for a person`,
      tasks: { count: suspendable + unsuspendable.length, unsuspendable },
    };
  }
}

/** After a crash: what goes on now. The newest, as many as fit on a page. */
async function openSteps(orchestrator: Orchestrator): Promise<string[]> {
  const { tasks } = await orchestrator.query({
    ...{ states: ['ready', 'running', 'suspended.safe'], top_level: false, limit: LIMITS.page },
  });
  return tasks
    .filter(({ kind, state }) => kind !== 'group' && state !== 'ready')
    .map(({ task_id }) => task_id);
}
