/** A service has thousands of sessions, most of them idle: what each keeps of its opening is small. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { Handshake } from '../../src/session/handshake.ts';
import { parse, type RequestMessage } from '../../src/wire/message.ts';

const params = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'many', version: '1' },
};
const opening = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const held = () => {
  collect();
  return process.memoryUsage().arrayBuffers;
};

it('keeps nothing of the buffers in which it came', () => {
  const before = held();
  const sessions = Array.from({ length: 500 }, () => {
    const handshake = new Handshake();
    handshake.observe(parse(Buffer.from(opening)) as RequestMessage);
    // What else goes through the process between two of them: small buffers share one allocation.
    for (let other = 0; other < 40; other++) Buffer.from('x'.repeat(2_000));
    return handshake;
  });
  expect(held() - before).toBeLessThan(5_000_000);
  expect(sessions.map((handshake) => handshake.params)).toEqual(Array(500).fill(JSON.stringify(params)));
});
