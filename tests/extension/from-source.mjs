/** `node --import` this: `mcp-segue/worker` is the source here, and $LOADED gets a line for each module that is loaded. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const source = new URL('../../src/extension/rebootable.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'mcp-segue/worker' ? { url: source, shortCircuit: true } : next(specifier, context),
  load(url, context, next) {
    if (process.env.LOADED) appendFileSync(process.env.LOADED, `${url}\n`);
    return next(url, context);
  },
});
