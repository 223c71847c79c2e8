/**
 * Segue inside a program: an MCP client of this process keeps its session while its server is restarted.
 *
 *   node embed.mjs <command> [args…]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { configSchema, createSupervisor, restartInput } from 'mcp-segue';

const supervisor = createSupervisor({
  config: configSchema.parse({ name: 'embedded', command: process.argv.slice(2) }),
  hooks: {
    phases: {
      spawn: [
        {
          name: 'tell',
          deadlineMs: 1_000,
          run: ({ generation }) => console.log('starts server', generation),
        },
      ],
    },
  },
});
supervisor.start();

/** The transport of the SDK's client: lines go straight into the session and out of it. */
let session;
const transport = {
  async start() {
    session = supervisor.connect({
      send: (line) => transport.onmessage(JSON.parse(line.toString())),
      full: false,
      pause() {},
      resume() {},
    });
  },
  async send(message) {
    session.fromClient(Buffer.from(JSON.stringify(message)));
  },
  async close() {
    supervisor.disconnect(session);
    transport.onclose?.();
  },
};

const client = new Client({ name: 'embed', version: '1.0.0' });
await client.connect(transport);
const { tools } = await client.listTools();
console.log(tools.map(({ name }) => name).join(' '));

const me = { id: 'me', role: 'operator' };
const report = await supervisor.control.restart(restartInput.parse({ reason: 'configuration_update' }), me);
console.log(report.success, report.outcome, report.blackout_ms);

await client.ping();
await client.close();
await supervisor.shutdown('done');
