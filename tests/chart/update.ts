/** `npm run chart`: places the statecharts anew. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layoutsText } from './place.ts';

writeFileSync(join(import.meta.dirname, '../../src/chart/layouts.json'), await layoutsText());
