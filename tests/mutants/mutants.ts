/**
 * Deliberate defects, one at a time: each must be caught by the tests that it names, or these tests prove less than
 * they say. `npm run mutants` does it.
 */
export interface Mutant {
  /** What is wrong with the code then. */
  defect: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  put: string;
  /** The file of the tests that must fail, and which of them (vitest's `-t`). */
  tests: { file: string; name: string };
}

export const MUTANTS: readonly Mutant[] = [
  {
    defect: 'the gate is opened before the handshake',
    file: 'machines/starting.ts',
    find: "entry: ['markStart', 'enterSpawn']",
    put: "entry: ['markStart', 'enterSpawn', 'openGate']",
    tests: { file: 'tests/machines/graph.test.ts', name: 'keeps its invariants' },
  },
  {
    defect: 'a crash loop is given one crash more',
    file: 'machines/guards.ts',
    find: 'crashes.length >= (halfOpen',
    put: 'crashes.length > (halfOpen',
    tests: { file: 'tests/machines/breaker.test.ts', name: 'opens after so many crashes' },
  },
  {
    defect: 'a worker that nobody has talked to counts as validated',
    file: 'src/lifecycle/beginning.ts',
    find: 'if (deps.connections.replayable) await unlessItEnds',
    put: 'if (deadlineAt < 0) await unlessItEnds',
    tests: { file: 'tests/lifecycle/starting.test.ts', name: 'F13' },
  },
  {
    defect: 'a call that is not declared safe is repeated',
    file: 'src/session/policy.ts',
    find: "policy.replay === 'annotated' && repeatable(request.tool)",
    put: "policy.replay === 'annotated' || repeatable(request.tool)",
    tests: { file: 'tests/session/outcome-unknown.test.ts', name: 'not declared safe' },
  },
  {
    defect: 'a call is repeated once more at each death of its worker',
    file: 'src/session/policy.ts',
    find: 'if (request.repeated) return false;',
    put: '',
    tests: { file: 'tests/session/outcome-unknown.test.ts', name: 'repeated before' },
  },
  {
    defect: 'a call is repeated although the server has asked its client something',
    file: 'src/session/policy.ts',
    find: 'if (request.asked) return false;',
    put: '',
    tests: { file: 'tests/session/outcome-unknown.test.ts', name: 'asked the client' },
  },
  {
    defect: 'the fence is forgotten: what an old worker still says is let through',
    file: 'src/lifecycle/ending.ts',
    find: 'const worker = deps.workers.get(generation);\n    deps.connections.fence(worker?.link, run.rebootId);',
    put: 'const worker = deps.workers.get(generation);',
    tests: { file: 'tests/faults/streams.test.ts', name: 'lets nothing of a fenced worker through' },
  },
  {
    defect: 'a late answer of an old generation is routed',
    file: 'src/worker/link.ts',
    find: 'if (this.#fenced) return this.#handlers.onStale();',
    put: '',
    tests: { file: 'tests/relay/generations.test.ts', name: 'an old worker that answers beside' },
  },
  {
    defect: 'a drain waits for nobody',
    file: 'src/lifecycle/preparing.ts',
    find: 'deps.connections.drain(run.drainUntil - deps.env.now(), signal)',
    put: 'deps.connections.drain(0, signal)',
    tests: { file: 'tests/lifecycle/in-flight.test.ts', name: 'the drain waits for them' },
  },
  {
    defect: 'a snapshot is not read back',
    file: 'src/state/snapshots.ts',
    find: 'await this.#readBack(db.file, row, seal);',
    put: 'if (row.bytes < 0) await this.#readBack(db.file, row, seal);',
    tests: { file: 'tests/state/snapshots.test.ts', name: 'is read back before it counts' },
  },
  {
    defect: 'the hash of a snapshot is not compared',
    file: 'src/serializer/snapshot.ts',
    find: 'if (sha256Hex(plain) !== sha256)',
    put: "if (sha256 === '')",
    tests: { file: 'tests/state/snapshots.test.ts', name: 'whose stored hash was changed' },
  },
  {
    defect: 'a reboot goes on without the snapshot that it was to keep',
    file: 'src/lifecycle/preparing.ts',
    find: 'if (run.preserveState) throw error;',
    put: '',
    tests: { file: 'tests/faults/storage.test.ts', name: 'a reboot that keeps state is refused' },
  },
  {
    defect: 'held requests are replayed out of order',
    file: 'src/session/hold.ts',
    find: 'this.#items.unshift(...items.map(own));',
    put: 'this.#items.push(...items.map(own));',
    tests: { file: 'tests/relay/verbatim.test.ts', name: 'what is repeated goes before' },
  },
  {
    defect: 'what was cancelled while it waited is sent all the same',
    file: 'src/session/session.ts',
    find: 'if (this.held.remove(key)) {',
    put: 'if (this.held.find(key)) {',
    tests: { file: 'tests/faults/holding.test.ts', name: 'never sends what was cancelled' },
  },
  {
    defect: 'progress after the answer, or of a call that begins anew, is not suppressed',
    file: 'src/session/requests.ts',
    find: 'if (request.repeated && progress <= request.lastProgress) return false;',
    put: '',
    tests: { file: 'tests/faults/conversation.test.ts', name: 'progress of a repeated call grows on' },
  },
  {
    defect: 'an orphan is not ended',
    file: 'src/state/orphans.ts',
    find: "return env.kill(pid, 'SIGKILL');",
    put: "return pid === 0 && env.kill(pid, 'SIGKILL');",
    tests: { file: 'tests/state/bury.test.ts', name: 'ends the workers of a killed supervisor' },
  },
  {
    defect: 'an event is sent before it is in the journal',
    file: 'src/front/http/legacy/event-stream.ts',
    find: 'journal.event(session, { stream, seq, bytes: Buffer.from(message) }, env.now(), answers);\n    this.#write(seq, message);',
    put: 'this.#write(seq, message);\n    journal.event(session, { stream, seq, bytes: Buffer.from(message) }, env.now(), answers);',
    tests: { file: 'tests/front/http/event-stream.test.ts', name: 'has each event in the journal' },
  },
  {
    defect: 'a session is not bound to its principal',
    file: 'src/front/http/legacy/sessions.ts',
    find: 'if (!session || session.principal !== principal.id) return null;',
    put: 'if (!session) return null;',
    tests: { file: 'tests/front/http/principals.test.ts', name: 'whatever ids they guess' },
  },
  {
    defect: 'a call at work when the service died is sent again',
    file: 'src/front/http/legacy/http-session.ts',
    find: 'if (!sent || mayRepeat(request, config, () => false))',
    put: 'if (bytes.length > 0 || sent || mayRepeat(request, config, () => false))',
    tests: { file: 'tests/front/http/recovery.test.ts', name: 'of a call that was at work' },
  },
  {
    defect: 'a line too long loses its head',
    file: 'src/wire/lines.ts',
    find: 'parts.slice(0, EDGE_BYTES).map',
    put: 'parts.slice(0, 2).map',
    tests: { file: 'tests/fuzz/lines.test.ts', name: 'any bytes are the same lines' },
  },
  {
    defect: 'a listen of the modern era is opened in a legacy session',
    file: 'src/session/session.ts',
    find: " && this.handshake.era === 'modern')\n      this.listens.open",
    put: ')\n      this.listens.open',
    tests: { file: 'tests/fuzz/http-messages.test.ts', name: 'no message, however wrong' },
  },
  {
    defect: 'a session that cannot be kept ends the service',
    file: 'src/front/http/row-journal.ts',
    find: "this.#log.warn({ err: error }, 'a session cannot be kept: it ends with this process');",
    put: 'if (error) throw error;',
    tests: { file: 'tests/fuzz/http-messages.test.ts', name: 'what a server says of itself' },
  },
];
