/**
 * What a run has seen: every call as its client saw it, every message that came for it, every execution in a server.
 * The recorder only writes down; check.ts judges. Times are milliseconds of one monotonic clock.
 */

/**
 * - `ok`: a result. `error`: it was answered, and failed.
 * - `unknown`: it may have been done (OUTCOME_UNKNOWN, or its connection broke and cannot be resumed).
 * - `refused`: its client was told, or saw, that it never reached a server.
 * - `cancelled`: by its client, which waits for nothing more.
 */
export type Outcome = 'ok' | 'error' | 'unknown' | 'refused' | 'cancelled';

export interface Operation {
  /** Unique; the server writes it down when it executes the call, and says it in its answer. */
  call: string;
  client: string;
  tool: string;
  /** How often it may be executed once more: 0 where nothing says that it is safe. */
  repeats: number;
  start: number;
  end?: number;
  outcome?: Outcome;
  /** What its client was told instead of a result. */
  detail?: string;
}

/** An answer that came in, be it a result or an error. */
export interface Answer {
  /** Of the request that it answers; null: of none that this client knows. */
  call: string | null;
  client: string;
  at: number;
  /** Of a result: what the server said of itself and of the call that it had executed. */
  said?: { call: string; pid: number; value?: number };
}

export interface Progress {
  call: string | null;
  client: string;
  at: number;
  value: number;
}

/** Of the resource of a client, by a call of `touch`. In the order of their arrival. */
export interface Update {
  call: string;
  client: string;
  at: number;
}

/** A client could be told of updates all that time: its stream stood, or was resumed where it had broken. */
export interface Standing {
  client: string;
  from: number;
  to: number;
}

/** In the order in which they happened; of all servers of a run. */
export interface Execution {
  call: string;
  pid: number;
}

/** The supervisor said to this client that the server `pid` began without the state of the one before, or with an older one. */
export interface Loss {
  client: string;
  pid: number;
}

export interface ClientInfo {
  /** All its messages come one after the other on one stream. */
  ordered: boolean;
  /** When its connection ended for good, with what was in flight. */
  left?: number;
}

export class History {
  readonly operations = new Map<string, Operation>();
  readonly answers: Answer[] = [];
  readonly progress: Progress[] = [];
  readonly updates: Update[] = [];
  readonly standing: Standing[] = [];
  readonly executions: Execution[] = [];
  /** Servers in the order of their starts; each number is of one process alone, which a pid of the system is not. */
  readonly starts: number[] = [];
  readonly losses: Loss[] = [];
  /** How many requests were given up because nothing came of them: the run is over then. */
  overdue = 0;
  readonly clients = new Map<string, ClientInfo>();

  began(operation: Operation): void {
    if (this.operations.has(operation.call)) throw new Error(`twice the same name: ${operation.call}`);
    this.operations.set(operation.call, operation);
  }

  ended(call: string, at: number, outcome: Outcome, detail?: string): void {
    const operation = this.operations.get(call)!;
    Object.assign(operation, { end: at, outcome, ...(detail === undefined ? {} : { detail }) });
  }

  /** `from` may be infinite: it never did. */
  stood(client: string, from: number, to: number): void {
    if (from < to) this.standing.push({ client, from, to });
  }
}
