/**
 * A load generator for HTTP, a process of its own: kept connections, one request in flight on each. Arguments: address,
 * how many at once, token. For each line on stdin, a number of calls, it makes them and prints what they took.
 */
import { createInterface } from 'node:readline';
import { LeanHttp } from './lib/lean-http.ts';
import { load } from './lib/load.ts';

const [url, inFlight, token] = process.argv.slice(2);
const endpoint = { url: url!, ...(token && { token }) };
const first = new LeanHttp(endpoint);
const session = await first.open();
const lanes = Array.from({ length: Number(inFlight) }, () => new LeanHttp(endpoint, session));
let ids = 0;

async function call(): Promise<void> {
  const lane = lanes.pop()!;
  await lane.call(++ids, 'echo', { text: 'x'.repeat(100) });
  lanes.push(lane);
}

console.log('ready');
for await (const count of createInterface(process.stdin)) {
  console.log(JSON.stringify(await load(call, Number(inFlight), Number(count))));
}
process.exit(0);
