/** The checker sees each way to be wrong, and nothing wrong in a good history. */
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { History, type Outcome } from './history.ts';

interface Told {
  outcome?: Outcome;
  tool?: string;
  repeats?: number;
  client?: string;
  start?: number;
  end?: number;
}

/** Writes a history by hand; servers 11, 12, 13 have started in this order. */
class Hand extends History {
  constructor() {
    super();
    this.starts.push(11, 12, 13);
    for (const client of ['a', 'b']) this.clients.set(client, { ordered: true });
  }

  call(call: string, told: Told = {}): this {
    const { outcome, tool = 'write', repeats = 0, client = 'a', start = 0, end = start + 1 } = told;
    this.began({ call, client, tool, repeats, start });
    if (outcome) this.ended(call, end, outcome);
    return this;
  }

  done(call: string, pid: number): this {
    this.executions.push({ call, pid });
    return this;
  }

  result(
    call: string,
    pid: number,
    { at = 1, of = call, value }: { at?: number; of?: string; value?: number } = {},
  ): this {
    const client = this.operations.get(call)?.client ?? 'a';
    this.answers.push({
      call,
      client,
      at,
      said: { call: of, pid, ...(value === undefined ? {} : { value }) },
    });
    return this;
  }

  failure(call: string, at = 1): this {
    this.answers.push({ call, client: this.operations.get(call)?.client ?? 'a', at });
    return this;
  }

  grows(call: string, ...values: number[]): this {
    for (const value of values) this.progress.push({ call, client: 'a', at: 0.5, value });
    return this;
  }

  /** A `touch`, whose update came at these times. */
  touch(call: string, at: number, ...updates: number[]): this {
    this.call(call, { outcome: 'ok', tool: 'touch', start: at, end: at })
      .done(call, 11)
      .result(call, 11, { at });
    return this.told(call, 'a', ...updates);
  }

  told(call: string, client: string, ...updates: number[]): this {
    for (const update of updates) this.updates.push({ call, client, at: update });
    return this;
  }

  stands(from: number, to: number): this {
    this.stood('a', from, to);
    return this;
  }

  /** An `add` that came to `value`. */
  add(call: string, pid: number, value: number, at: number): this {
    return this.call(call, { outcome: 'ok', tool: 'add', start: at, end: at })
      .done(call, pid)
      .result(call, pid, { at, value });
  }
}

const hand = () => new Hand();

describe('a good history', () => {
  it('of every outcome, over a reboot, has no violation', () => {
    const history = hand()
      .call('w', { outcome: 'ok' })
      .done('w', 11)
      .result('w', 11)
      .call('r', { outcome: 'ok', repeats: 1, start: 2 })
      .grows('r', 1, 2)
      .done('r', 11)
      .done('r', 12)
      .result('r', 12, { at: 3 })
      .call('u', { outcome: 'unknown', start: 2 })
      .failure('u', 3)
      .call('not sent', { outcome: 'refused', start: 2 })
      .failure('not sent', 3)
      .call('c', { outcome: 'cancelled', start: 2 })
      .call('late', { outcome: 'cancelled', start: 2 })
      .done('late', 12)
      .result('late', 12, { at: 4 });
    expect(check(history)).toEqual([]);
  });

  it('has calls in flight of a client that has left', () => {
    const history = hand().call('w').done('w', 11);
    history.clients.set('a', { ordered: true, left: 1 });
    expect(check(history)).toEqual([]);
  });

  it('loses state after it was said, and goes on from what was left', () => {
    const history = hand().add('1', 11, 1, 1).add('2', 11, 2, 2).add('3', 12, 2, 3).add('4', 12, 3, 4);
    history.losses.push({ client: 'a', pid: 12 });
    expect(check(history)).toEqual([]);
  });

  it('lacks updates of which the stream broke before a later one came', () => {
    const history = hand().stands(0, 3).touch('1', 1, 1).touch('2', 2).stands(4, 9).touch('3', 5, 5);
    expect(check(history)).toEqual([]);
  });

  it('has answers that overtook each other on streams of their own', () => {
    const history = hand()
      .call('1', { outcome: 'ok', client: 'b', start: 0 })
      .call('2', { outcome: 'ok', client: 'b', start: 0 })
      .done('1', 11)
      .done('2', 12)
      .result('2', 12, { at: 1 })
      .result('1', 11, { at: 2 });
    history.clients.set('b', { ordered: false });
    expect(check(history)).toEqual([]);
  });
});

const ok = { outcome: 'ok' } as const;
const bad: [string, string, Hand][] = [
  ['a request without an answer', 'no answer', hand().call('w').done('w', 11)],
  ['an update twice', 'an update came twice', hand().touch('t', 1, 1, 2)],
  ['an update of another client', 'b is told of an update of a', hand().touch('t', 1).told('t', 'b', 1)],
  ['a lost update', 'its update never came', hand().stands(0, 9).touch('1', 1).touch('2', 2, 3)],
  ['two answers', '2 answers', hand().call('w', ok).done('w', 11).result('w', 11).result('w', 11)],
  ['an answer and an error', '2 answers', hand().call('w', ok).done('w', 11).result('w', 11).failure('w')],
  [
    'two answers to a cancelled request',
    '2 answers',
    hand().call('w', { outcome: 'cancelled' }).done('w', 11).failure('w').failure('w'),
  ],
  ['success that no message said', 'ok without an answer', hand().call('w', ok).done('w', 11)],
  [
    'the answer of another call',
    'the answer of v',
    hand()
      .call('w', ok)
      .call('v', ok)
      .done('w', 11)
      .done('v', 11)
      .result('v', 11)
      .result('w', 11, { of: 'v' }),
  ],
  ['an answer that nobody asked for', 'an answer to nothing', hand().failure('nobody')],
  ['an execution that nobody asked for', 'nobody asked for it', hand().done('nobody', 11)],
  [
    'an unsafe call that was done twice',
    'executed 2 times, not safe',
    hand().call('w', ok).done('w', 11).done('w', 12).result('w', 12),
  ],
  [
    'an unsafe call of unknown outcome that was done twice',
    'executed 2 times, not safe',
    hand().call('w', { outcome: 'unknown' }).done('w', 11).done('w', 12).failure('w'),
  ],
  [
    'a safe call that was done three times',
    'executed 3 times',
    hand()
      .call('r', { ...ok, repeats: 1 })
      .done('r', 11)
      .done('r', 12)
      .done('r', 13)
      .result('r', 13),
  ],
  ['success without an execution', 'never executed', hand().call('w', ok).result('w', 11)],
  [
    'a refused call that was done',
    'refused as if not sent',
    hand().call('w', { outcome: 'refused' }).done('w', 11).failure('w'),
  ],
  [
    'an answer of a server that did not do it',
    'which did not execute it',
    hand().call('w', ok).done('w', 11).result('w', 12),
  ],
  [
    'an answer of a server that nobody started',
    'which nobody started',
    hand().call('w', ok).done('w', 99).result('w', 99),
  ],
  [
    'an answer of an old server behind one of the new',
    'answered by an older server',
    hand()
      .call('1', ok)
      .call('2', ok)
      .done('1', 11)
      .done('2', 12)
      .result('2', 12, { at: 1 })
      .result('1', 11, { at: 2 }),
  ],
  [
    'an old server that works on behind the new one',
    'executed by an older server',
    hand()
      .call('1', ok)
      .call('2', { ...ok, start: 2 })
      .done('1', 12)
      .done('2', 11)
      .result('1', 12)
      .result('2', 11, { at: 0.5 }),
  ],
  [
    'progress that falls',
    'progress falls',
    hand().call('w', ok).grows('w', 2, 1).done('w', 11).result('w', 11),
  ],
  [
    'progress that repeats itself',
    'progress falls',
    hand().call('w', ok).grows('w', 1, 1).done('w', 11).result('w', 11),
  ],
  [
    'progress behind the answer',
    'progress behind',
    hand().call('w', ok).done('w', 11).result('w', 11, { at: 0.1 }).grows('w', 1),
  ],
  ['progress of nothing', 'progress of nothing', hand().grows('nobody', 1)],
  ['a count that falls unsaid', 'the count is 1, not 2', hand().add('1', 11, 1, 1).add('2', 12, 1, 2)],
  [
    'a loss said of another server',
    'the count is 1, not 2',
    (() => {
      const history = hand().add('1', 12, 1, 1).add('2', 13, 1, 2);
      history.losses.push({ client: 'a', pid: 12 });
      return history;
    })(),
  ],
  ['a count that leaps', 'the count is 3, not 2', hand().add('1', 11, 1, 1).add('2', 11, 3, 2)],
];

describe('a bad history', () => {
  it.each(bad)('%s', (_, what, history) => {
    const found = check(history);
    expect(found.map((violation) => violation.what)).toEqual([expect.stringContaining(what)]);
  });

  it('a new question on a stream of its own that an old server answers', () => {
    const history = hand()
      .call('1', { outcome: 'ok', client: 'b', start: 0 })
      .call('2', { outcome: 'ok', client: 'b', start: 2 })
      .done('2', 11)
      .done('1', 12)
      .result('1', 12, { at: 1 })
      .result('2', 11, { at: 3 });
    history.clients.set('b', { ordered: false });
    expect(check(history).map(({ what }) => what)).toEqual(['answered by an older server than one before']);
  });
});
