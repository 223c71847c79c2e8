/** Random operations on a journal and on a plain model of it; a file is also closed and opened again. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Journal, JournalLimits, SessionRow, StoredRequest } from '../../../src/front/http/journal.ts';

interface Stream {
  lastSeq: number;
  dropped: number;
  ended: boolean;
}
interface Kept {
  session: string;
  stream: string;
  seq: number;
  at: number;
  bytes: Buffer | null;
}

class Model {
  now = 1000;
  readonly sessions = new Map<string, SessionRow>();
  readonly streams = new Map<string, Map<string, Stream>>();
  requests: StoredRequest[] = [];
  events: Kept[] = [];

  drop(lost: readonly Kept[]): void {
    this.events = this.events.filter((event) => !lost.includes(event));
    for (const { session, stream, seq } of lost) {
      const known = this.streams.get(session)!.get(stream);
      if (known) known.dropped = Math.max(known.dropped, seq);
      this.sweep(session);
    }
  }

  bound(session: string, limits: JournalLimits): void {
    const own = this.events.filter((event) => event.session === session);
    const bytes = () => own.reduce((sum, event) => sum + (event.bytes?.length ?? 0), 0);
    while (own.length > 1 && (own.length > limits.eventCount || bytes() > limits.eventBytes))
      this.drop([own.shift()!]);
  }

  end(session: string, key: string): void {
    const ended = this.requests.find((request) => request.session === session && request.key === key);
    if (ended === undefined) return;
    this.requests = this.requests.filter((request) => request !== ended);
    const open = this.requests.some(
      (request) => request.session === session && request.stream === ended.stream,
    );
    const known = this.streams.get(session)!.get(ended.stream);
    if (known && !open) known.ended = true;
    this.sweep(session);
  }

  /** Its answer was the last that it owed. */
  endStream(session: string, stream: string): void {
    const open = this.requests.some((request) => request.session === session && request.stream === stream);
    if (!open) this.streams.get(session)!.get(stream)!.ended = true;
  }

  sweep(session: string): void {
    for (const [name, { ended }] of this.streams.get(session)!) {
      const holds = this.events.some((event) => event.session === session && event.stream === name);
      if (ended && !holds) this.streams.get(session)!.delete(name);
    }
  }

  forget(session: string): void {
    this.sessions.delete(session);
    this.streams.delete(session);
    this.requests = this.requests.filter((request) => request.session !== session);
    this.events = this.events.filter((event) => event.session !== session);
  }

  after(session: string, stream: string, seq: number) {
    const known = this.streams.get(session)?.get(stream);
    if (known === undefined || seq > known.lastSeq || known.dropped > seq) return null;
    return this.events
      .filter((event) => event.session === session && event.stream === stream && event.seq > seq)
      .map((event) => ({ stream, seq: event.seq, bytes: event.bytes }));
  }
}

const session = fc.constantFrom('a', 'b', 'c');
const stream = fc.constantFrom('x', 'y');
const key = fc.constantFrom('1', '2', '"3"');
const bytes = fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array));
const step = fc.oneof(
  fc.record({ do: fc.constant('save' as const), session }),
  fc.record({ do: fc.constant('touch' as const), session }),
  fc.record({ do: fc.constant('drop' as const), session }),
  fc.record({ do: fc.constant('accept' as const), session, stream, key, bytes }),
  fc.record({ do: fc.constant('sent' as const), session, key }),
  fc.record({ do: fc.constant('forget' as const), session, key }),
  { arbitrary: fc.record({ do: fc.constant('prune' as const) }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('reopen' as const) }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('event' as const),
      session,
      stream,
      bytes: fc.option(bytes),
      answers: fc.option(key, { nil: undefined }),
    }),
    weight: 4,
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** `make` opens the same journal again when it is called again, unless `reopens` is false. */
export function journalModel(make: () => Promise<Journal>, limits: JournalLimits, reopens: boolean) {
  return fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
    let journal = await make();
    for (const { id } of journal.sessions()) journal.dropSession(id); // of the run before
    const model = new Model();
    for (const one of steps) {
      model.now += 3;
      if (one.do === 'reopen') {
        if (!reopens) continue;
        journal.close();
        journal = await make();
      } else apply(one, journal, model, limits);
      compare(journal, model);
    }
    journal.close();
  });
}

function apply(one: Step, journal: Journal, model: Model, limits: JournalLimits): void {
  const { now } = model;
  const known = 'session' in one && model.sessions.has(one.session);
  switch (one.do) {
    case 'save': {
      const row = { id: one.session, principal: 'p', key: 'k', createdAt: now, usedAt: now, state: { now } };
      journal.saveSession(row);
      model.sessions.set(one.session, row);
      if (!known) model.streams.set(one.session, new Map());
      break;
    }
    case 'touch':
      journal.touch(one.session, now);
      if (known) model.sessions.get(one.session)!.usedAt = now;
      break;
    case 'drop':
      journal.dropSession(one.session);
      model.forget(one.session);
      break;
    case 'accept': {
      const request = {
        session: one.session,
        stream: one.stream,
        key: one.key,
        bytes: one.bytes,
        sent: false,
      };
      journal.accept(request);
      const open = model.requests.some(({ session, key }) => session === one.session && key === one.key);
      if (known && !open) model.requests.push(request);
      break;
    }
    case 'sent':
      journal.sent(one.session, one.key);
      for (const request of model.requests)
        if (request.session === one.session && request.key === one.key) request.sent = true;
      break;
    case 'forget':
      journal.forget(one.session, one.key);
      if (known) model.end(one.session, one.key);
      break;
    case 'event': {
      const streams = model.streams.get(one.session);
      const seq = (streams?.get(one.stream)?.lastSeq ?? 0) + 1;
      journal.event(one.session, { stream: one.stream, seq, bytes: one.bytes }, now, one.answers);
      if (!streams) break;
      const before = streams.get(one.stream) ?? { dropped: -1, ended: false };
      streams.set(one.stream, { ...before, lastSeq: seq });
      model.events.push({ session: one.session, stream: one.stream, seq, at: now, bytes: one.bytes });
      if (one.answers !== undefined) {
        model.end(one.session, one.answers);
        model.endStream(one.session, one.stream);
      }
      model.bound(one.session, limits);
      break;
    }
    case 'prune':
      journal.prune(now);
      model.drop(model.events.filter((event) => event.at < now - limits.eventAgeMs));
      for (const { id, usedAt } of [...model.sessions.values()]) {
        const open = model.requests.some((request) => request.session === id);
        if (usedAt < now - limits.sessionTtlMs! && !open) model.forget(id);
      }
      break;
  }
}

function compare(journal: Journal, model: Model): void {
  const byId = (a: SessionRow, b: SessionRow) => (a.id < b.id ? -1 : 1);
  expect(journal.sessions().sort(byId)).toEqual([...model.sessions.values()].sort(byId));
  const open = new Set(model.requests.map((request) => request.session));
  expect(journal.sessionsWithRequests()).toEqual([...open].sort());
  for (const id of ['a', 'b', 'c']) {
    expect(journal.session(id)).toEqual(model.sessions.get(id) ?? null);
    expect(journal.requests(id)).toEqual(model.requests.filter((request) => request.session === id));
    const streams = [...(model.streams.get(id) ?? [])].map(([stream, { lastSeq, ended }]) => ({
      stream,
      lastSeq,
      ended,
    }));
    expect(journal.streams(id)).toEqual(streams.sort((a, b) => (a.stream < b.stream ? -1 : 1)));
    for (const stream of ['x', 'y'])
      for (let seq = -1; seq <= (model.streams.get(id)?.get(stream)?.lastSeq ?? 0) + 1; seq++)
        expect(journal.eventsAfter(id, stream, seq)).toEqual(model.after(id, stream, seq));
  }
}
