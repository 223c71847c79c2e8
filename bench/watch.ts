/**
 * One measurement: from the edit of a server's file to the answer of its new tool, under `segue --watch`, by a client of
 * the SDK that waits for tools/list_changed. Beside it what a start of that server takes without Segue. Prints JSON.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { timed } from './lib/load.ts';
import { environment, home, SEGUE } from './lib/programs.ts';
import { percentile } from './lib/spread.ts';

interface Times {
  p50Ms: number;
  p99Ms: number;
}

export interface WatchMeasured extends Times {
  edits: number;
  /** From spawn to the answer of a tool. */
  alone: Times;
}

const edits = Number(process.argv[2] ?? 100);
const file = join(home, 'server.mjs');
const LIB = fileURLToPath(new URL('../tests/fixtures/workers/lib.mjs', import.meta.url));

function edit(tool: string): void {
  const name = JSON.stringify(tool);
  writeFileSync(
    file,
    `import { serve, text, tool } from ${JSON.stringify(LIB)};
await serve({ tools: [tool(${name})], calls: { ${name}: () => text(${name}) } });
`,
  );
}

async function connect(
  args: string[],
  client = new Client({ name: 'bench', version: '1.0.0' }),
): Promise<Client> {
  const launch = { command: process.execPath, args, cwd: home, env: environment, stderr: 'ignore' as const };
  await client.connect(new StdioClientTransport(launch));
  return client;
}

async function answered(client: Client, tool: string): Promise<void> {
  const [content] = (await client.callTool({ name: tool })).content as { text?: string }[];
  if (content?.text !== tool) throw new Error(`${tool} answered ${JSON.stringify(content)}`);
}

const times = (took: number[]): Times => ({ p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99) });

async function watched(): Promise<number[]> {
  edit('tool0');
  const told = { resolve: () => {} };
  const client = new Client({ name: 'bench', version: '1.0.0' });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => told.resolve());
  await connect([SEGUE[1], '--watch', 'server.mjs', '--', process.execPath, file], client);
  await answered(client, 'tool0');
  const took: number[] = [];
  // The first one may come before the files are watched: it is not counted.
  for (let index = 1; index <= edits + 1; index++) {
    const changed = new Promise<void>((resolve) => Object.assign(told, { resolve }));
    const ms = await timed(async () => {
      edit(`tool${index}`);
      await changed;
      await answered(client, `tool${index}`);
    });
    if (index > 1) took.push(ms);
  }
  await client.close();
  return took;
}

async function alone(): Promise<number[]> {
  edit('tool0');
  const took: number[] = [];
  for (let index = 0; index < edits; index++) {
    let client: Client | undefined;
    took.push(
      await timed(async () => {
        client = await connect([file]);
        await answered(client, 'tool0');
      }),
    );
    await client?.close();
  }
  return took;
}

const measured: WatchMeasured = { edits, ...times(await watched()), alone: times(await alone()) };
console.log(JSON.stringify(measured));
process.exit(0);
