import { readdirSync, readFileSync } from 'node:fs';
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from 'drizzle-kit/api';
import { expect, it } from 'vitest';
import * as schema from '../../db/schema.ts';

it('the migrations bring a database to what the schema says', async () => {
  const snapshots = readdirSync('db/migrations/meta').filter((name) => name.endsWith('_snapshot.json'));
  const last = JSON.parse(readFileSync(`db/migrations/meta/${snapshots.sort().at(-1)}`, 'utf8'));
  const wanted = await generateSQLiteDrizzleJson(schema, last.id);
  expect(await generateSQLiteMigration(last, wanted)).toEqual([]);
});
