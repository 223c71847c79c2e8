/** A server whose file a test changes, as its author would. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/launch.ts';

const LIB = join(ROOT, 'tests/fixtures/workers/lib.mjs');

/** A server with a tool of this name, and one that waits at the gate `tools/call waits`. */
export function sourceOf(toolName: string): string {
  return `import { serve, text, tool } from ${JSON.stringify(LIB)};
await serve({
  tools: [tool(${JSON.stringify(toolName)}, { readOnlyHint: true }), tool('waits')],
  calls: { ${JSON.stringify(toolName)}: () => text(${JSON.stringify(toolName)}), waits: () => text('waited') },
});
`;
}

export function writeServer(file: string, toolName: string): void {
  writeFileSync(file, sourceOf(toolName));
}
