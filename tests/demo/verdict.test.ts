import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { expect, it } from 'vitest';
import type { Call } from '../../demo/calls.ts';
import { brokenPromises, type Evidence } from '../../demo/verdict.ts';
import { Wire } from '../../demo/wire.ts';
import type { RestartReport } from '../../src/control/schemas.ts';

const call = (change: Partial<Call>): Call => ({
  ...{
    name: 'ask 3',
    safe: false,
    startedAt: 0,
    endedAt: 1,
    outcome: 'answered',
    progress: [0, 0],
    error: '',
  },
  ...change,
});
const good: Evidence = {
  calls: [call({}), call({ outcome: 'failed', error: 'OUTCOME_UNKNOWN' })],
  asks: new Map([['ask 3', 1]]),
  reports: [{ success: true } as RestartReport],
  initializes: 1,
  wire: [],
  unanswered: [],
};

it('finds nothing broken where an unsafe call of a killed server failed', () => {
  expect(brokenPromises(good)).toEqual([]);
});

it.each([
  ['a safe call that failed', { calls: [call({ safe: true, outcome: 'failed', error: 'OUTCOME_UNKNOWN' })] }],
  [
    'an unsafe call that failed for another reason',
    { calls: [call({ outcome: 'failed', error: 'HOLD_FULL' })] },
  ],
  ['a wrong answer', { calls: [call({ outcome: 'wrong' })] }],
  ['a call that hangs', { calls: [call({ outcome: 'open', endedAt: null })] }],
  ['a call that was done twice', { asks: new Map([['ask 3', 2]]) }],
  ['a reboot that failed', { reports: [{ success: false, message: 'no' } as RestartReport] }],
  ['a session that was opened again', { initializes: 2 }],
  ['what the wire saw', { wire: ['request 1 was answered twice'] }],
  ['a request without an answer', { unanswered: ['request 1'] }],
] satisfies [string, Partial<Evidence>][])('finds %s', (_, change) => {
  expect(brokenPromises({ ...good, ...change })).toHaveLength(1);
});

const ask = { jsonrpc: '2.0', id: 7, method: 'tools/call' } as const;
const answer: JSONRPCMessage = { jsonrpc: '2.0', id: 7, result: {} };
const progress = (value: number): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 7, progress: value },
});

it('watches the wire: one answer each, rising progress, none after the answer', () => {
  const wire = new Wire();
  wire.sent(ask);
  expect(wire.unanswered).toHaveLength(1);
  for (const message of [progress(1), progress(2), answer]) wire.received(message);
  expect([wire.broken, wire.unanswered]).toEqual([[], []]);
});

it.each([
  ['a second answer', [answer, answer]],
  ['progress that falls back', [progress(2), progress(1), answer]],
  ['progress after the answer', [answer, progress(3)]],
])('sees %s', (_, messages) => {
  const wire = new Wire();
  wire.sent(ask);
  for (const message of messages) wire.received(message);
  expect(wire.broken).toHaveLength(1);
});
