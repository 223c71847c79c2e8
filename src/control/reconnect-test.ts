/** reconnect_test: really asks each client, and rehearses the handshake where a second worker may run (E4). */

import { SegueError } from '../errors.ts';
import { declarationOf } from '../extension/protocol.ts';
import { iso } from '../iso.ts';
import type { Session } from '../session/session.ts';
import type { ControlDeps } from './deps.ts';
import { maySee } from './roles.ts';
import type { ReconnectTestInput, ReconnectTestReport } from './schemas.ts';
import type { Principal } from './types.ts';

const PING_MS = 2_000;
type SessionTest = NonNullable<ReconnectTestReport['results']['session_test']>;

/** `takeOne` throws RATE_LIMITED where no more servers are started for the caller now; the rest of the test is made. */
export async function reconnectTest(
  deps: ControlDeps,
  input: ReconnectTestInput,
  who: Principal,
  takeOne: () => void,
): Promise<ReconnectTestReport> {
  const { connections, env, store } = deps;
  const sessions = connections
    .all()
    .filter(({ id }) => maySee(who, id) && (input.session_id === undefined || id === input.session_id));
  if (input.session_id !== undefined && sessions.length === 0) {
    throw new SegueError('INVALID_PARAMETERS', `no session has the id ${JSON.stringify(input.session_id)}`);
  }
  const rehearsals = new Rehearsals(deps, takeOne);
  const details = await Promise.all(sessions.map((session) => testSession(deps, session, rehearsals)));
  const { held } = connections;
  return {
    test_completed: true,
    timestamp: iso(env.now()),
    overall_status: overall(details),
    results: {
      ...(input.session_id === undefined
        ? { all_sessions: summary(details) }
        : { session_test: details[0]! }),
      ...(input.include_buffer_status
        ? {
            buffer_status: {
              total_buffered_requests: held.requests,
              sessions_with_buffers: held.sessions,
              bytes: held.bytes,
            },
          }
        : {}),
      ...(input.include_reconnection_stats ? { reconnection_stats: await store.reconnectionStats() } : {}),
    },
  };
}

function summary(details: SessionTest[]) {
  return {
    total_sessions: details.length,
    reachable_sessions: details.filter((detail) => detail.reachable).length,
    reconnect_capable: details.filter((detail) => detail.reachable && detail.rehearsal !== 'fail').length,
    details,
  };
}

function overall(details: SessionTest[]): ReconnectTestReport['overall_status'] {
  const good = details.filter((detail) => detail.reachable && detail.rehearsal !== 'fail').length;
  if (good === details.length) return 'pass';
  return good === 0 ? 'fail' : 'partial';
}

async function testSession(
  deps: ControlDeps,
  session: Session,
  rehearsals: Rehearsals,
): Promise<SessionTest> {
  const { note, ...ping } = await pingClient(deps, session);
  if (session.lost) {
    return { session_id: session.id, ...ping, rehearsal: 'fail', detail: session.lost.message };
  }
  const { rehearsal, detail } = await rehearsals.of(session);
  return { session_id: session.id, ...ping, rehearsal, detail: `${note}; ${detail}` };
}

async function pingClient({ env }: ControlDeps, session: Session) {
  if (session.handshake.era !== 'legacy' || !session.handshake.open) {
    const note =
      session.handshake.era === 'modern'
        ? 'a client of this era cannot be pinged'
        : 'its conversation is not open yet';
    return { reachable: true, ping_ms: null, note: `its pipe is open; ${note}` };
  }
  const start = env.monotonic();
  const answered = await session.pings.send(PING_MS);
  const ms = Math.round((env.monotonic() - start) * 100) / 100;
  return answered
    ? { reachable: true, ping_ms: ms, note: 'it answered a ping' }
    : { reachable: false, ping_ms: null, note: `it did not answer a ping within ${PING_MS} ms` };
}

type Rehearsal = Pick<SessionTest, 'rehearsal' | 'detail'>;

/** A scratch worker gets the session's handshake and is ended again; only where two workers may overlap. */
class Rehearsals {
  readonly #deps: ControlDeps;
  readonly #takeOne: () => void;
  #shared: Promise<Rehearsal> | null = null;

  constructor(deps: ControlDeps, takeOne: () => void) {
    this.#deps = deps;
    this.#takeOne = takeOne;
  }

  /** Clients that share a server share its handshake, and a rehearsal of it. */
  of(session: Session): Promise<Rehearsal> {
    const { handover, isolation, upstream } = this.#deps.config;
    if (upstream !== undefined) return skipped('only one server can listen at an address');
    const declared = declarationOf(session.handshake.capabilities)?.handover;
    if (handover !== 'overlap' && declared !== 'overlap')
      return skipped('only one worker may run (handover exclusive)');
    if (!session.handshake.replayable) return skipped('the client has not opened its conversation');
    if (isolation === 'session') return this.#rehearse(session);
    this.#shared ??= this.#rehearse(session);
    return this.#shared;
  }

  #rehearse(session: Session): Promise<Rehearsal> {
    try {
      this.#takeOne();
    } catch (error) {
      return skipped(SegueError.from(error, 'RATE_LIMITED').message);
    }
    return rehearse(this.#deps, session);
  }
}

async function skipped(why: string): Promise<Rehearsal> {
  return { rehearsal: 'skipped', detail: `no rehearsal: ${why}` };
}

async function rehearse({ config, lifecycle, workers }: ControlDeps, session: Session): Promise<Rehearsal> {
  try {
    const scratch = await workers.scratch(lifecycle.snapshot.context.command);
    void scratch.process.exited.then(() => scratch.link.fence()); // else a dead one is waited for until the deadline
    try {
      await session.handshake.rehearse(scratch.link.within(session), config.timing.startMs);
      return { rehearsal: 'pass', detail: 'a scratch worker took its handshake' };
    } finally {
      scratch.link.fence();
      await scratch.process.stop({ soft: true, stdinEndMs: 500, termMs: 500 });
    }
  } catch (error) {
    const { message } = SegueError.from(error, 'PROCESS_FAILED');
    return { rehearsal: 'fail', detail: `the rehearsal failed: ${message}` };
  }
}
