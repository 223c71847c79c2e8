/** Tasks put into a database behind everybody's back, as an orchestrator would have written them. */
import BetterSqlite3 from 'better-sqlite3';
import type { TaskKind, TaskState } from '../../machines/task-states.ts';

export interface SeededTask {
  id: string;
  kind?: TaskKind;
  state?: TaskState;
  attempt?: number;
  parent?: string;
  /** Bytes of content. */
  size?: number;
}

export function seedTasks(file: string, tasks: Iterable<SeededTask>): void {
  const db = new BetterSqlite3(file);
  const insert = db.prepare(
    `insert into tasks (id, root, parent, position, kind, role, state, progress, created_at, updated_at, machine, content)
     values (?, ?, ?, ?, ?, 'coder', ?, 0, 1, 1, ?, ?)`,
  );
  const depend = db.prepare('insert into task_dependencies (task, needs) values (?, ?)');
  try {
    db.transaction(() => {
      let position = 0;
      let before: string | null = null;
      for (const { id, kind = 'client', state = 'ready', attempt = 0, parent, size = 100 } of tasks) {
        const machine = envelope(kind, state, attempt);
        const root = parent ?? id;
        insert.run(
          id,
          root,
          parent ?? null,
          position++,
          kind,
          state,
          JSON.stringify(machine),
          Buffer.alloc(size, id),
        );
        if (parent !== undefined && before !== null) depend.run(id, before);
        before = parent === undefined ? null : id;
      }
    })();
  } finally {
    db.close();
  }
}

function envelope(kind: TaskKind, state: TaskState, attempt: number) {
  return { format: 'segue-snapshot', machine: 'task', schema: 1, state, context: { kind, attempt } };
}

/** Groups of one task and nine steps. */
export function* manyTasks(count: number, size = 300): Generator<SeededTask> {
  for (let n = 0; n < count; n += 1) {
    const group = `task-${String(n - (n % 10)).padStart(8, '0')}`;
    const id = `task-${String(n).padStart(8, '0')}`;
    yield n % 10 === 0 ? { id, kind: 'group', size } : { id, parent: group, size };
  }
}
