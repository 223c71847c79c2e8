/**
 * `--optimistic`: while the worker starts, its client is answered as its last start was. The first message decides: after
 * an `initialize` that the last worker answered in the same version, the session comes to its worker as one that has
 * outlived another does (over-reboot.ts: `join`, or with the start itself), and hears by list_changed what differs. Calls
 * wait. Of the legacy era alone: a modern client has no handshake to wait for.
 */
import { resultLine } from '../wire/message.ts';
import { mergeCapabilities } from './handshake.ts';
import { LIST_KINDS, LISTS } from './inventory.ts';
import type { OpenRequest } from './requests.ts';
import type { Session } from './session.ts';

export class Optimism {
  readonly #session: Session;
  /** Takes the session to its worker. Null when it is done, or on its way. */
  #join: (() => void) | null;

  constructor(session: Session, join: () => void) {
    this.#session = session;
    this.#join = join;
  }

  /** Before anything is done about a message: the first one decides. */
  observe(method: string | null): void {
    if (method !== 'initialize' || this.#session.context.gate() === 'refusing') this.#end();
  }

  #end(): void {
    const join = this.#join;
    this.#join = null;
    join?.();
  }

  /** Whether it answers this one. */
  takes(request: OpenRequest): boolean {
    const join = this.#join;
    if (join === null) return this.#answersList(request);
    this.#join = null;
    // It waits like all others, first of them: it may be cancelled, or refused, before anything is recalled.
    this.#session.held.add({ bytes: request.bytes, request });
    void this.#open(request.key, join);
    return true;
  }

  async #open(key: string, join: () => void): Promise<void> {
    const { context, handshake, held, inventory, own, port } = this.#session;
    const known = await context.recall(this.#session).catch((error: unknown) => {
      context.log.warn({ error: String(error) }, 'what the last server said could not be recalled');
      return null;
    });
    if (known !== null && held.remove(key)) {
      handshake.accept(known.result);
      inventory.recall(known.lists);
      own.decideNames((known.lists.tools ?? []).map(({ name }) => String(name)));
      port.changed?.(); // on record before its client can use it
      const line = resultLine(key, known.result);
      this.#session.toClient(mergeCapabilities(line, 'legacy', handshake.capabilities, context.config.tools));
    }
    join();
  }

  /** Until the worker serves. What nobody has approved yet is not shown from memory either (F65). */
  #answersList({ key, method, cursor }: OpenRequest): boolean {
    const { context, inventory, link, own } = this.#session;
    if (cursor !== null || context.approvals !== null) return false;
    if (link !== null && context.gate() === 'open') {
      this.#session.optimism = null;
      return false;
    }
    const kind = LIST_KINDS.find((each) => LISTS[each].method === method);
    const items = kind && inventory.whole[kind];
    if (!kind || !items) return false;
    const result = { [LISTS[kind].member]: items };
    inventory.observe(kind, null, result);
    const line = resultLine(key, result);
    if (context.config.tools && (kind === 'tools' || kind === 'resources'))
      void own.addToList(kind, line).then((whole) => this.#session.toClient(whole));
    else this.#session.toClient(line);
    return true;
  }
}
