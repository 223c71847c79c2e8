import { SegueError } from '../errors.ts';
import type { QueryInput, QueryOutput } from './schemas.ts';
import type { TaskStore } from './store.ts';
import { taskOuts } from './views.ts';

/** Newest first. A cursor names the last row of its page, so that new tasks do not move the pages behind it. */
export async function query(store: TaskStore, input: QueryInput): Promise<QueryOutput> {
  const before = input.cursor === undefined ? undefined : parseCursor(input.cursor);
  const filter = {
    states: input.states,
    role: input.role,
    parent: input.parent_id,
    topLevel: input.top_level,
  };
  return store.read(() => {
    const rows = store.db.tasks.page(filter, input.limit + 1, before);
    const page = rows.slice(0, input.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    return {
      tasks: taskOuts(store, page),
      total: store.db.tasks.count(filter),
      ...(last ? { next_cursor: `${last.createdAt}.${last.id}` } : {}),
    };
  });
}

function parseCursor(cursor: string): { createdAt: number; id: string } {
  const [, createdAt, id] = /^(\d{1,15})\.(.{1,64})$/.exec(cursor) ?? [];
  if (id === undefined)
    throw new SegueError('INVALID_PARAMETERS', `"${cursor}" is no cursor of query_tasks`, {
      data: { cursor },
    });
  return { createdAt: Number(createdAt), id };
}
