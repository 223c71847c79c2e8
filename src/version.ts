/** The version of this package, as package.json says it. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The package's root: one folder above src/ in the sources, two above it in dist/. */
const root = existsSync(fileURLToPath(new URL('../package.json', import.meta.url))) ? '../' : '../../';

export const VERSION: string = createRequire(import.meta.url)(`${root}package.json`).version;
