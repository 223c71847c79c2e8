/** Keeps the stored events of each session within their bounds: the oldest go first, and it is remembered how far. */
import type { HttpRows, OldEvent, Totals } from '../../../db/http.ts';
import type { JournalLimits } from './journal.ts';

export class EventBounds {
  readonly #limits: JournalLimits;
  /** Of the sessions that were written to; the database knows the others. */
  readonly #totals = new Map<string, Totals>();

  constructor(limits: JournalLimits) {
    this.#limits = limits;
  }

  /** To be called in the transaction that added it. The newest stays, however large: it may be all that is owed. */
  added(rows: HttpRows, session: string, size: number): void {
    const known = this.#totals.get(session);
    const totals = known ? { count: known.count + 1, bytes: known.bytes + size } : rows.totals(session)!;
    this.#totals.set(session, totals);
    const { eventCount, eventBytes } = this.#limits;
    while (totals.count > 1 && (totals.count > eventCount || totals.bytes > eventBytes))
      this.#drop(rows, rows.oldest(session)!);
  }

  /** Of all sessions, in order of arrival, up to the first that is young enough. */
  dropOlder(rows: HttpRows, than: number): void {
    for (let old = rows.oldestOfAll(); old !== null && old.at < than; old = rows.oldestOfAll())
      this.#drop(rows, old);
  }

  forget(session: string): void {
    this.#totals.delete(session);
  }

  /** After a transaction that failed: what was counted in it did not happen. */
  forgetAll(): void {
    this.#totals.clear();
  }

  #drop(rows: HttpRows, { id, session, stream, seq, size }: OldEvent): void {
    rows.dropEvent(id);
    rows.dropped(seq, session, stream);
    rows.forgetStream(session, stream);
    const totals = this.#totals.get(session);
    if (totals === undefined) return;
    totals.count -= 1;
    totals.bytes -= size;
  }
}
