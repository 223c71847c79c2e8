/**
 * The task tables as lines of JSON, and back. What is written down is the truth about the work: tasks, what they depend
 * on, what they left, which commands ran. Leases and the journal stay behind: they are of processes that will be dead.
 * Streamed by SQLite's own iterator; a line is one row.
 */
import { createHash } from 'node:crypto';
import type BetterSqlite3 from 'better-sqlite3';
import { z } from 'zod';
import { isFinal, TASK_KINDS, TASK_STATES, type TaskState } from '../machines/task-states.ts';
import { SegueError } from '../src/errors.ts';

/** In the order in which they can be filled. */
const TABLES = ['tasks', 'task_dependencies', 'artifacts', 'recipe_runs'] as const;
const FORMAT = 1;
/** How the row of a task begins. */
const TASK_LINE = '[0,';
const NAMED = 20;
const HASHED_AT_ONCE = 1_000;

const headerSchema = z.object({
  format: z.literal(FORMAT),
  /** Migrations that the database had. */
  schema: z.int().nonnegative(),
  tables: z.array(z.object({ name: z.enum(TABLES), columns: z.array(z.string()) })),
});

export interface TaskDigest {
  /** SHA-256 over every row, hex. */
  digest: string;
  /** Rows of `tasks`. */
  count: number;
  schema: number;
}

/** What the database says of the tasks of an export. Ids are cut to the first 20. */
export interface TaskDifference {
  missing: string[];
  /** Ended, begun or started anew in the export, and now less than that. */
  backwards: string[];
  counts: { missing: number; backwards: number; ahead: number; added: number };
}

/** Calls `onLine` for header and rows, in one read transaction. */
export function writeTaskLines(raw: BetterSqlite3.Database, onLine: (line: string) => void): TaskDigest {
  return raw.transaction(() => {
    const schema = schemaVersion(raw);
    const tables = TABLES.map((name) => ({ name, columns: columnsOf(raw, name) }));
    onLine(JSON.stringify({ format: FORMAT, schema, tables }));
    const hash = new LinesHash();
    let count = 0;
    for (const [index, { name, columns }] of tables.entries()) {
      for (const values of rowsOf(raw, name, columns)) {
        const line = `[${index},${JSON.stringify(values.map(toJson))}]`;
        hash.add(line);
        onLine(line);
        if (index === 0) count += 1;
      }
    }
    return { digest: hash.digest(), count, schema };
  })();
}

/** A call of the hash for each line would cost more than the hash. */
class LinesHash {
  readonly #hash = createHash('sha256');
  #lines: string[] = [];

  add(line: string): void {
    if (this.#lines.push(line) >= HASHED_AT_ONCE) this.#flush();
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    this.#hash.update(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }
}

/** What `writeTaskLines` said of these lines. Throws as `readTaskLines` does. */
export function digestTaskLines(lines: Iterable<string>, knownSchema: number): TaskDigest {
  const hash = new LinesHash();
  let schema: number | null = null;
  let count = 0;
  for (const line of lines) {
    if (schema === null) {
      ({ schema } = headerOf(line, knownSchema));
      continue;
    }
    hash.add(line);
    if (line.startsWith(TASK_LINE)) count += 1;
  }
  if (schema === null) throw refused('format', 'it is empty');
  return { digest: hash.digest(), count, schema };
}

export interface ImportOptions {
  /** Of the supervisor that imports. */
  instance: string;
  /** Epoch milliseconds. */
  now: number;
}

export interface ImportedTasks {
  tasks: number;
  /** Steps that became suspended.error: whether they were done after the export is unknown. */
  waiting: number;
}

/**
 * Fills the tables from lines, all or nothing; on a connection that does not enforce foreign keys by the row. A task that is there already is left as it is: nothing moves backwards.
 * @throws SegueError STATE_CORRUPTION for lines that are none of ours, or of a newer version
 */
export function readTaskLines(
  raw: BetterSqlite3.Database,
  lines: Iterable<string>,
  options: ImportOptions,
): ImportedTasks {
  return raw
    .transaction(() => {
      const rows = new Rows(raw, options);
      for (const line of lines) if (!rows.header(line)) rows.add(line);
      const [dangling] = raw.pragma('foreign_key_check') as { table: string }[];
      if (dangling) throw refused('children', `a row of ${dangling.table} belongs to none`);
      return rows.done();
    })
    .immediate();
}

interface Table {
  name: string;
  /** Where a column stands in a row; -1 for one that the table does not have. */
  at: Record<'id' | 'root' | 'task' | 'kind' | 'state' | 'machine' | 'updated_at', number>;
  insert: BetterSqlite3.Statement;
}

class Rows {
  readonly #raw: BetterSqlite3.Database;
  readonly #options: ImportOptions;
  readonly #journal: BetterSqlite3.Statement;
  #tables: Table[] | null = null;
  readonly #known = new Set<unknown>();
  readonly #result: ImportedTasks = { tasks: 0, waiting: 0 };

  constructor(raw: BetterSqlite3.Database, options: ImportOptions) {
    this.#raw = raw;
    this.#options = options;
    this.#journal = raw.prepare(
      `insert into task_events (task, root, instance, generation, "from", "to", event, at)
       values (?, ?, ?, 0, ?, 'suspended.error', 'recovered', ?)`,
    );
  }

  /** True for the first line. */
  header(line: string): boolean {
    if (this.#tables !== null) return false;
    const header = headerOf(line, schemaVersion(this.#raw));
    this.#tables = header.tables.map(({ name, columns }) => this.#table(name, columns));
    return true;
  }

  #table(name: string, columns: readonly string[]): Table {
    const known = columnsOf(this.#raw, name);
    const unknown = columns.find((column) => !known.includes(column));
    if (unknown !== undefined) throw refused('schema', `column ${name}.${unknown} is not known`);
    const [names, places] = [columns.map((column) => `"${column}"`), columns.map(() => '?')];
    const insert = `insert into ${name} (${names.join(', ')}) values (${places.join(', ')}) on conflict do nothing`;
    const at = (column: string) => columns.indexOf(column);
    return {
      name,
      at: {
        id: at('id'),
        root: at('root'),
        task: at('task'),
        kind: at('kind'),
        state: at('state'),
        machine: at('machine'),
        updated_at: at('updated_at'),
      },
      insert: this.#raw.prepare(insert),
    };
  }

  add(line: string): void {
    const [index, values] = JSON.parse(line) as [number, unknown[]];
    const table = this.#tables?.[index];
    if (table === undefined) throw refused('schema', 'a row of an unknown table');
    for (let n = 0; n < values.length; n += 1) values[n] = fromJson(values[n]);
    if (table.name === 'tasks') this.#addTask(values, table);
    // What belongs to a task that was there already is left as it is, too.
    else if (!this.#known.has(values[table.at.task])) table.insert.run(values);
  }

  #addTask(values: unknown[], { at, insert }: Table): void {
    const before = this.#settle(values, at);
    const id = values[at.id];
    if (insert.run(values).changes === 0) {
      this.#known.add(id);
      return;
    }
    this.#result.tasks += 1;
    if (before === null) return;
    this.#result.waiting += 1;
    const { instance, now } = this.#options;
    this.#journal.run(id, values[at.root], instance, before, now);
  }

  /**
   * What may have been done after the export waits for a person. What has ended stays; so does the sum of steps, and
   * what only a client can begin. Returns the state before, or null where it stays.
   */
  #settle(values: unknown[], at: Table['at']): TaskState | null {
    const state = oneOf(TASK_STATES, values[at.state]);
    const kind = oneOf(TASK_KINDS, values[at.kind]);
    if (isFinal(state) || kind === 'group' || state === 'suspended.error') return null;
    if (kind === 'client' && (state === 'pending' || state === 'ready')) return null;
    const machine = JSON.parse(String(values[at.machine])) as object;
    values[at.state] = 'suspended.error';
    values[at.machine] = JSON.stringify({ ...machine, state: 'suspended.error' });
    values[at.updated_at] = this.#options.now;
    return state;
  }

  done(): ImportedTasks {
    if (this.#tables === null) throw refused('format', 'it is empty');
    return this.#result;
  }
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown): Word {
  const word = words.find((each) => each === value);
  if (word === undefined) throw refused('schema', `"${value}" is none of ${words.join(', ')}`);
  return word;
}

interface TaskRow {
  id: string;
  state: TaskState;
  machine: string;
}

/** Compares the tasks of an export with those of the database, one by one. Throws as `readTaskLines` does. */
export function compareTaskLines(raw: BetterSqlite3.Database, lines: Iterable<string>): TaskDifference {
  return raw.transaction(() => {
    const find = raw.prepare('select id, state, machine from tasks where id = ?');
    const difference: TaskDifference = {
      missing: [],
      backwards: [],
      counts: { missing: 0, backwards: 0, ahead: 0, added: 0 },
    };
    const note = (kind: 'missing' | 'backwards', id: string) => {
      difference.counts[kind] += 1;
      if (difference[kind].length < NAMED) difference[kind].push(id);
    };
    let positions: number[] | null = null;
    let count = 0;
    for (const line of lines) {
      if (positions === null) {
        const columns = headerOf(line, schemaVersion(raw)).tables[0]?.columns ?? [];
        positions = ['id', 'state', 'machine'].map((column) => columns.indexOf(column));
        continue;
      }
      if (!line.startsWith(TASK_LINE)) break; // tasks come first
      const [, values] = JSON.parse(line) as [number, unknown[]];
      const [id, state, machine] = positions.map((at) => String(values[at])) as [string, string, string];
      const now = find.get(id) as TaskRow | undefined;
      count += 1;
      if (now === undefined) note('missing', id);
      else if (now.state !== state || now.machine !== machine) {
        if (isBackwards({ id, state: oneOf(TASK_STATES, state), machine }, now)) note('backwards', id);
        else difference.counts.ahead += 1;
      }
    }
    const total = raw.prepare('select count(*) from tasks').pluck().get() as number;
    difference.counts.added = total - (count - difference.counts.missing);
    return difference;
  })();
}

/** An end is final, nothing begun becomes pending again, and starts are only counted up. */
function isBackwards(then: TaskRow, now: TaskRow): boolean {
  if (isFinal(then.state)) return now.state !== then.state;
  if (then.state !== 'pending' && now.state === 'pending') return true;
  return attemptOf(now) < attemptOf(then);
}

function attemptOf({ machine }: TaskRow): number {
  const parsed = JSON.parse(machine) as { context?: { attempt?: number } };
  return parsed.context?.attempt ?? 0;
}

function headerOf(line: string, known: number): z.infer<typeof headerSchema> {
  const header = headerSchema.safeParse(JSON.parse(line));
  if (!header.success) throw refused('format', z.prettifyError(header.error));
  const { schema } = header.data;
  if (schema > known) {
    throw refused('version', `it is of a newer version: schema ${schema}, this Segue knows ${known}`);
  }
  return header.data;
}

export function schemaVersion(raw: BetterSqlite3.Database): number {
  return raw.prepare('select count(*) from __drizzle_migrations').pluck().get() as number;
}

function columnsOf(raw: BetterSqlite3.Database, table: string): string[] {
  return raw.prepare('select name from pragma_table_info(?) order by cid').pluck().all(table) as string[];
}

/** In the order of the primary key: the digest must not depend on where SQLite put a row. */
function rowsOf(raw: BetterSqlite3.Database, table: string, columns: readonly string[]) {
  const key = raw
    .prepare('select name from pragma_table_info(?) where pk > 0 order by pk')
    .pluck()
    .all(table);
  const quoted = (names: readonly unknown[]) => names.map((name) => `"${name}"`).join(', ');
  const rows = raw.prepare(`select ${quoted(columns)} from ${table} order by ${quoted(key)}`);
  return rows.raw().iterate() as IterableIterator<unknown[]>;
}

/** A blob as `[base64]`: SQLite has no other lists. */
function toJson(value: unknown): unknown {
  return Buffer.isBuffer(value) ? [value.toString('base64')] : value;
}

function fromJson(value: unknown): unknown {
  return Array.isArray(value) ? Buffer.from(String(value[0]), 'base64') : value;
}

function refused(reason: string, why: string): SegueError {
  return new SegueError('STATE_CORRUPTION', `the export of the tasks was refused: ${why}`, {
    data: { reason },
  });
}
