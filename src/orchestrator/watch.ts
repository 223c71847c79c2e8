/** What other orchestrators of the name did: told to the listeners here as if it had been done here. */
import type { TaskStore } from './store.ts';
import type { TaskChange } from './types.ts';

export class ForeignChanges {
  readonly #store: TaskStore;
  #last: number;

  /** What was there before is no news. */
  constructor(store: TaskStore) {
    this.#store = store;
    this.#last = store.db.tasks.lastEvent();
  }

  /** The tasks that others have changed since the last call, and the tasks whose steps they are. */
  next(): TaskChange[] {
    const { db, self } = this.#store;
    const events = db.tasks.events(this.#last);
    this.#last = events.at(-1)?.id ?? this.#last;
    const foreign = events.filter(
      ({ instance, generation }) => instance !== self.instance || generation !== self.generation,
    );
    const ids = new Set(foreign.flatMap(({ task, root }) => [task, root]));
    return [...ids].flatMap((id) => {
      const row = db.tasks.get(id);
      return row ? [{ taskId: id, rootId: row.root, state: row.state, progress: row.progress }] : [];
    });
  }
}
