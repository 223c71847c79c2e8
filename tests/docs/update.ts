/** `node tests/docs/update.ts`: makes the tables of the documents anew, and the JSON schema. */
import { writeFileSync } from 'node:fs';
import { DOCUMENTS, pathOf, read, withTables } from './documents.ts';
import { schemaText } from './schema.ts';

for (const document of DOCUMENTS) writeFileSync(pathOf(document), withTables(read(document)));
writeFileSync(pathOf('segue.schema.json'), schemaText());
