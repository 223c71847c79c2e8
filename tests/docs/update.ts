/** `node tests/docs/update.ts`: makes the tables of the documents anew. */
import { writeFileSync } from 'node:fs';
import { DOCUMENTS, pathOf, read, withTables } from './documents.ts';

for (const document of DOCUMENTS) writeFileSync(pathOf(document), withTables(read(document)));
