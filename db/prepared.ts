/**
 * Statements of the hot paths. To write one out and have SQLite compile it takes several times as long as to run it, and
 * clients wait while a reboot is put on record: it is done once for a connection, when it is first needed.
 */
import { type getTableColumns, sql } from './drizzle.ts';

export function once<Prepared>(prepare: () => Prepared): () => Prepared {
  let prepared: Prepared | undefined;
  return () => {
    prepared ??= prepare();
    return prepared;
  };
}

type Columns = ReturnType<typeof getTableColumns>;

/**
 * For all columns of a row, each by its name. A value of mode `json` or `boolean` must not be null there: Drizzle would
 * write it as that type.
 */
export function placeholders<Row extends Columns>(columns: Row) {
  return each(columns, (name) => sql.placeholder(name));
}

/** Of an upsert: the row that was to be inserted takes the place of the one that is there. */
export function excluded<Row extends Columns>(columns: Row) {
  return each(columns, (name) => sql`excluded.${sql.identifier(columns[name]!.name)}`);
}

function each<Row extends Columns, Value>(columns: Row, of: (name: keyof Row & string) => Value) {
  return Object.fromEntries(Object.keys(columns).map((name) => [name, of(name)])) as Record<keyof Row, Value>;
}
