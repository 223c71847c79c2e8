/**
 * Holds what it is called with until `release`. From the second generation on it answers at once, and begins only when a file
 * says so, where there is to be one: till then everything waits in Segue.
 */
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { generation, serve, text, tool } from '../../tests/fixtures/workers/lib.mjs';

const { GATE } = process.env;
if (GATE && generation > 1) await appeared(GATE);

const held = [];
const hold = () => (generation > 1 ? text('done') : new Promise((resolve) => held.push(resolve)));
await serve({
  tools: [tool('hold', { readOnlyHint: true }), tool('hold_write'), tool('echo'), tool('release')],
  calls: {
    hold,
    hold_write: hold,
    echo: () => text('echo'),
    release() {
      for (const resolve of held.splice(0)) resolve(text('done'));
      return text('released');
    },
  },
});

function appeared(file) {
  return new Promise((resolve) => {
    const watcher = watch(dirname(file), look);
    function look() {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    }
    look();
  });
}
