/** What was stored and comes back as something else: a snapshot, an export, a journal, the machine (F48, F66). */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { createActor } from 'xstate';
import { pack, unpack } from '../../machines/persist.ts';
import { systemEnv } from '../../src/env.ts';
import { SegueError } from '../../src/errors.ts';
import { parseEventId } from '../../src/front/http/events.ts';
import { type Journal, openJournal } from '../../src/front/http/journal.ts';
import { silentLog } from '../../src/observe/log.ts';
import { capture } from '../../src/serializer/capture.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { SealedLinesWriter, sealedLines } from '../../src/serializer/sealed-lines.ts';
import { packSnapshot, unpackSnapshot } from '../../src/serializer/snapshot.ts';
import { anInput } from '../machines/model.ts';
import { served, silentMachine } from '../machines/play.ts';
import { live } from '../serializer/live.ts';
import { raw, room } from '../state/rooms.ts';
import { jsonText } from '../support/json-text.ts';
import { shows } from '../support/shows.ts';
import { anyBytes, mutated } from './mutated.ts';
import { runs } from './runs.ts';

const seal = createSeal(systemEnv.bytes(32), systemEnv);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What it gives, or null where it refuses as it says. */
function orRefused<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof SegueError && error.code === 'STATE_CORRUPTION') return null;
    throw error;
  }
}

shows('F48 F66', 'sealed bytes that were changed are refused, whatever they are', () => {
  const plain = Buffer.from('what a client said');
  const sealed = seal.seal(plain, 'row/1');
  fc.assert(
    fc.property(
      fc.oneof(anyBytes, mutated(fc.constant(sealed))),
      fc.constantFrom('row/1', 'row/2'),
      (bytes, row) => {
        const good = bytes.equals(sealed) && row === 'row/1';
        expect(orRefused(() => seal.open(bytes, row))).toEqual(good ? plain : null);
      },
    ),
    runs(1000),
  );
});

shows('F48', 'a snapshot of any content is read as one, or refused', () => {
  const { plain } = packSnapshot({ ...capture(live()), schema: 2, tasks: null });
  const content = fc.oneof(anyBytes, jsonText.map(Buffer.from), mutated(fc.constant(plain), 2));
  fc.assert(
    fc.property(content, (bytes) => {
      expect(orRefused(() => unpackSnapshot(bytes, sha256(plain)))).toEqual(
        bytes.equals(plain) ? expect.anything() : null,
      );
      // Also where whoever changed it could make the hash.
      const read = orRefused(() => unpackSnapshot(bytes, sha256(bytes)));
      if (read !== null)
        expect(unpackSnapshot(packSnapshot(read).plain, packSnapshot(read).sha256)).toEqual(read);
    }),
    runs(500),
  );
});

shows('F48', 'a machine that was changed is restored and runs, or is refused', () => {
  const envelopes = [
    served(),
    served().request().through('suspend'),
    served({ handover: 'overlap' }).request().through('close').done('close', { exit: null }),
  ].map((play) => JSON.stringify(pack(play.actor.getPersistedSnapshot(), 5)));
  let restored = 0;
  fc.assert(
    fc.property(fc.oneof(mutated(fc.constantFrom(...envelopes), 2), jsonText), (bytes) => {
      const unpacked = unpack(bytes.toString());
      if (!unpacked.ok) return;
      const actor = createActor(silentMachine, { snapshot: unpacked.snapshot, input: anInput() });
      actor.start();
      expect(actor.getSnapshot().status).toBe('active');
      actor.stop();
      restored += 1;
    }),
    runs(1000),
  );
  expect(restored).toBeGreaterThan(0);
});

shows('F48 F66', 'an export that was changed in its file is refused', () => {
  const file = join(room().home, 'lines');
  const writer = new SealedLinesWriter(file, seal, 'id');
  const lines = ['one', 'x'.repeat(300_000), 'three'];
  for (const line of lines) writer.add(line);
  writer.finish();
  writer.close();
  const whole = readFileSync(file);
  fc.assert(
    fc.property(fc.oneof(anyBytes, mutated(fc.constant(whole))), (bytes) => {
      writeFileSync(file, bytes);
      const read = orRefused(() => [...sealedLines(file, seal, 'id')]);
      // An empty file has no chunk that could be refused: who reads it misses the header.
      expect(read).toEqual(bytes.equals(whole) ? lines : bytes.length === 0 ? [] : null);
    }),
    { ...runs(200), examples: [[Buffer.from([0x3f, 0xff, 0xff, 0xff, 1])]] }, // a gigabyte that is not there
  );
});

const COLUMNS = [
  ['http_sessions', ['principal', 'worker_key', 'created_at', 'used_at', 'state']],
  ['http_requests', ['stream', 'key', 'sent', 'bytes']],
  ['http_streams', ['stream', 'last_seq', 'dropped_seq', 'ended']],
  ['http_events', ['stream', 'seq', 'at', 'size', 'bytes']],
] as const;
const column = fc.constantFrom(
  ...COLUMNS.flatMap(([table, names]) => names.map((name) => ({ table, name }))),
);
const value = fc.oneof(
  anyBytes,
  fc.string(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }),
);

/** Everything that the service asks of it when it starts and when a client comes back. */
function readAll(journal: Journal): void {
  journal.count();
  journal.sessionsWithRequests();
  journal.sessionsOf('p');
  for (const { id } of journal.sessions()) journal.session(id);
  journal.session('s');
  for (const request of journal.requests('s')) expect(request.bytes.toString()).toBe(`call ${request.key}`);
  for (const { stream } of journal.streams('s')) journal.eventsAfter('s', String(stream), 0);
  for (const event of journal.eventsAfter('s', 'get', 0) ?? [])
    expect(event.bytes?.toString()).toBe(`event ${event.seq}`);
  journal.prune(10);
}

shows('F48 F66', 'a journal with any value in any of its rows is read without it', async () => {
  const file = join(room().home, 'http.1.db');
  const limits = { eventCount: 100, eventBytes: 1e6, eventAgeMs: 60_000, sessionTtlMs: 60_000 };
  const open = () => openJournal({ file, seal, env: systemEnv, log: silentLog, limits });
  const journal = await open();
  journal.saveSession({
    id: 's',
    principal: 'p',
    key: 'k',
    createdAt: 1,
    usedAt: 1,
    state: { level: 'info' },
  });
  for (const key of ['1', '2'])
    journal.accept({ session: 's', stream: 'post', key, bytes: Buffer.from(`call ${key}`), sent: false });
  for (const seq of [1, 2]) journal.event('s', { stream: 'get', seq, bytes: Buffer.from(`event ${seq}`) }, 1);
  journal.close();
  const good = readFileSync(file);
  onTestFinished(() => journal.close());
  await fc.assert(
    fc.asyncProperty(column, value, async ({ table, name }, put) => {
      writeFileSync(file, good);
      raw(file, (db) => db.prepare(`update or ignore ${table} set ${name} = ?`).run(put));
      const again = await open();
      try {
        readAll(again);
        again.saveSession({ id: 'new', principal: 'p', key: 'k', createdAt: 1, usedAt: 1, state: null });
        expect(again.session('new')).not.toBeNull();
      } finally {
        again.close();
      }
    }),
    { ...runs(60), examples: [[{ table: 'http_events', name: 'bytes' }, '']] }, // empty, and no null
  );
});

it('knows the id of an event by its form alone', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Za-z0-9]{0,34}-\d{0,17}$/)),
      (id) => {
        const event = parseEventId(id);
        if (event === null) return;
        expect(Number.isSafeInteger(event.seq)).toBe(true);
        expect(id.startsWith(`${event.stream}-`)).toBe(true);
        expect(Number(id.slice(event.stream.length + 1))).toBe(event.seq);
      },
    ),
    runs(1000),
  );
});
