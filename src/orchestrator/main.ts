/**
 * The embedded worker as a program: an MCP server on stdin and stdout, started by Segue (embedded.ts says with what).
 * What is slow to load is loaded when it is needed.
 */
import { systemEnv as env } from '../env.ts';
import { createLog } from '../observe/log.ts';
import { loadKey } from '../serializer/key.ts';
import { createSeal } from '../serializer/seal.ts';
import { LineSplitter } from '../wire/lines.ts';
import { MARKER } from '../worker/environment.ts';
import { HANDOVER_VARIABLE } from './embedded.ts';
import { handoverSchema } from './handover.ts';
import { Conversation } from './mcp/conversation.ts';
import { RebootHelper } from './mcp/reboot.ts';
import { Opener } from './opener.ts';

/** How often one looks for tasks of dead owners, and for what others did. */
const LOOK_EVERY_MS = 1_000;
/** For what runs when the client has gone: Segue gives its workers 350 ms (lifecycle/ending.ts). */
const END_MS = 200;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const [instance, generation] = markerOf(process.env[MARKER]);
const { directory, keyFile, logLevel, settings } = handover(process.env[HANDOVER_VARIABLE]);
const log = createLog(logLevel).child({ generation });

const opener: Opener = new Opener(open, (change) => conversation.taskChanged(change));
const helper = new RebootHelper(opener);
const conversation = new Conversation({ env, opener, helper }, send, () => {
  // After the answer is on its way. A rehearsal (a generation below zero) has to leave the tasks to others.
  if (generation === 1) env.timer(0, openNow);
});
if (generation > 1) openNow(); // it goes on with what was there, whether it is asked for anything or not

const lines = new LineSplitter(Number.POSITIVE_INFINITY, { onLine: (line) => conversation.receive(line) });
process.stdin.on('data', (chunk: Buffer) => lines.push(chunk));
process.stdin.on('end', () => void end());
process.stdin.on('error', () => void end());
process.stdout.on('error', () => void end());
for (const signal of SIGNALS) process.on(signal, () => void end());

async function open() {
  const [key, { createOrchestrator }] = await Promise.all([
    loadKey({ secret: process.env.SEGUE_KEY, file: keyFile }, env),
    import('./orchestrator.ts'),
  ]);
  return createOrchestrator({
    ...{ env, log, directory, instance, generation },
    seal: createSeal(key, env),
    settings: { ...settings, cwd: process.cwd(), environment: process.env, lookEveryMs: LOOK_EVERY_MS },
    onReplaced() {
      log.error({ directory }, 'the task database was replaced: the orchestrator begins anew');
      process.exit(1); // Segue starts the next one, as after any crash
    },
  });
}

function openNow(): void {
  opener.get().catch((error: unknown) => log.error({ err: error }, 'the task database cannot be opened'));
}

function send(line: Buffer): void {
  process.stdout.write(line);
  process.stdout.write('\n');
}

/** What was answered last was read by then: the pipe is Segue's, which reads until the end. */
async function end(): Promise<void> {
  await opener.close(END_MS);
  process.exit(0);
}

function markerOf(marker = ''): [string, number] {
  const [, of, generation] = /^(.+)\/(-?\d+)$/.exec(marker) ?? misused();
  return [of!, Number(generation)];
}

function handover(json: string | undefined) {
  return handoverSchema.parse(JSON.parse(json ?? misused()));
}

function misused(): never {
  process.stderr.write('This is the task orchestrator of Segue, which starts it by itself: run `segue`.\n');
  process.exit(2);
}
