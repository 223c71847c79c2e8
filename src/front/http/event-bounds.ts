/** Keeps the stored events of each session within their bounds: the oldest go first, and it is remembered how far. */
import type { HttpRows, OldEvent, Totals } from '../../../db/http.ts';
import type { JournalLimits } from './journal.ts';

/** The oldest that are looked at together. */
const AT_ONCE = 64;

export class EventBounds {
  readonly #limits: JournalLimits;
  /** Of the sessions that were written to; the database knows the others. */
  readonly #totals = new Map<string, Totals>();

  constructor(limits: JournalLimits) {
    this.#limits = limits;
  }

  /** To be called in the transaction that added it. */
  added(rows: HttpRows, session: string, size: number): void {
    const known = this.#totals.get(session);
    const totals = known ? { count: known.count + 1, bytes: known.bytes + size } : rows.totals(session)!;
    this.#totals.set(session, totals);
    if (isOver(totals, this.#limits)) this.#shrink(rows, session, totals);
  }

  /**
   * To a sixteenth less than the bound of their count: to drop one with each that comes costs more than to store that
   * one. The newest stays, however large: it may be all that is owed.
   */
  #shrink(rows: HttpRows, session: string, totals: Totals): void {
    const { eventCount, eventBytes } = this.#limits;
    const room = { eventCount: eventCount - Math.floor(eventCount / 16), eventBytes };
    while (isOver(totals, room)) {
      const streams = new Map<string, number>();
      let last = 0;
      for (const { id, stream, seq, size } of rows.oldest(session, AT_ONCE)) {
        if (!isOver(totals, room)) break;
        totals.count -= 1;
        totals.bytes -= size;
        streams.set(stream, seq);
        last = id;
      }
      if (last === 0) return this.forget(session); // miscounted: the next event has them counted anew
      rows.dropUpTo(session, last);
      for (const [stream, seq] of streams) noteDropped(rows, { session, stream, seq });
    }
  }

  /** Of all sessions, in order of arrival, up to the first that is young enough. */
  dropOlder(rows: HttpRows, than: number): void {
    for (let old = rows.dropOlder(than); old !== null; old = rows.dropOlder(than))
      this.#droppedOne(rows, old);
  }

  forget(session: string): void {
    this.#totals.delete(session);
  }

  /** After a transaction that failed: what was counted in it did not happen. */
  forgetAll(): void {
    this.#totals.clear();
  }

  #droppedOne(rows: HttpRows, old: OldEvent): void {
    noteDropped(rows, old);
    const totals = this.#totals.get(old.session);
    if (totals === undefined) return;
    totals.count -= 1;
    totals.bytes -= old.size;
  }
}

function isOver(
  { count, bytes }: Totals,
  { eventCount, eventBytes }: Pick<JournalLimits, 'eventCount' | 'eventBytes'>,
): boolean {
  return count > 1 && (count > eventCount || bytes > eventBytes);
}

function noteDropped(rows: HttpRows, { session, stream, seq }: Omit<OldEvent, 'size'>): void {
  if (!rows.forgetStream(session, stream)) rows.dropped(seq, session, stream);
}
