import { defineConfig } from 'drizzle-kit';

/** `npx drizzle-kit generate --name <what>` after a change of db/schema.ts; the result is applied at start. */
export default defineConfig({ dialect: 'sqlite', schema: './db/schema.ts', out: './db/migrations' });
