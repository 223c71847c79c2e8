/** What a viewer that comes late has to be told: each living actor, then the last snapshot of each. */
import type { StatelyInspectionEvent } from '@statelyai/inspect';

/** A viewer draws no more than this; the oldest services are forgotten first, never the root. */
const MAX_ACTORS = 200;

interface Entry {
  isRoot: boolean;
  actor: string;
  snapshot?: string;
}

export class ActorReplay {
  readonly #actors = new Map<string, Entry>();

  /** `message` is `event` as it was sent. */
  add(event: StatelyInspectionEvent, message: string): void {
    if (event.type === '@xstate.actor') {
      this.#actors.set(event.sessionId, { isRoot: event.parentId === undefined, actor: message });
      this.#limit();
      return;
    }
    const entry = this.#actors.get(event.sessionId);
    if (!entry || event.type !== '@xstate.snapshot') return;
    if (hasEnded(event.snapshot)) this.#actors.delete(event.sessionId);
    else entry.snapshot = message;
  }

  messages(): string[] {
    const entries = [...this.#actors.values()];
    return [...entries.map(({ actor }) => actor), ...entries.flatMap(({ snapshot }) => snapshot ?? [])];
  }

  #limit(): void {
    if (this.#actors.size <= MAX_ACTORS) return;
    for (const [id, { isRoot }] of this.#actors) {
      if (isRoot) continue;
      this.#actors.delete(id);
      return;
    }
  }
}

/** A worker's chart stays active when it is over, and says so by a tag (machines/reboot.ts). */
function hasEnded({ status, tags = [] }: { status: string; tags?: Iterable<string> }): boolean {
  return status !== 'active' || [...tags].includes('ended');
}
