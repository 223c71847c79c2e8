/** The server that is measured: one tool, by the SDK, on stdin and stdout. $BENCH_START_MS: it takes so long to start. */
import { setTimeout } from 'node:timers/promises';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { echoServer } from './tool.mjs';

await setTimeout(Number(process.env.BENCH_START_MS ?? 0));
await echoServer().connect(new StdioServerTransport());
process.stdin.on('end', () => process.exit(0));
