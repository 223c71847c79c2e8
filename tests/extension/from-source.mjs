/** `node --import` this: `mcp-segue` and its parts are the sources here, and $LOADED gets a line for each module that is loaded. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const sources = new Map([
  ['mcp-segue', new URL('../../src/index.ts', import.meta.url).href],
  ['mcp-segue/worker', new URL('../../src/extension/rebootable.ts', import.meta.url).href],
]);
registerHooks({
  resolve(specifier, context, next) {
    const url = sources.get(specifier);
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
  load(url, context, next) {
    if (process.env.LOADED) appendFileSync(process.env.LOADED, `${url}\n`);
    return next(url, context);
  },
});
