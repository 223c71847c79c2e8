/**
 * Which tools of the server a person has agreed to, with `toolChanges: hold` (F65). A tool that is new, or whose
 * definition is another one now, is shown to no client and not called until an operator approves it. What the server
 * offers at its very first start is agreed to: nobody has seen anything else yet.
 */
import type { Log } from '../observe/log.ts';

/** Name → digest of the definition. */
export type ToolDigests = ReadonlyMap<string, string>;

export interface ApprovalStore {
  /** Null: nothing can be read now. */
  approvedTools(): Promise<ToolDigests | null>;
  approveTools(tools: ToolDigests, by: string): Promise<void>;
}

export class ToolApprovals {
  readonly #store: ApprovalStore;
  readonly #log: Log;
  readonly #approved = new Map<string, string>();

  constructor(store: ApprovalStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** To be called with all that a worker offers, before anything of it is shown. */
  async meet(tools: ToolDigests): Promise<void> {
    const known = await this.#store.approvedTools(); // others of this name may have approved meanwhile
    for (const [name, digest] of known ?? []) this.#approved.set(name, digest);
    if (this.#approved.size === 0) return this.approve(tools, 'first start');
    const held = [...tools].filter(([name, digest]) => this.isHeld(name, digest)).map(([name]) => name);
    if (held.length > 0)
      this.#log.warn({ tools: held }, 'tools are held until segue approve: new or changed');
  }

  /** `digest` undefined: what it is now is not known. */
  isHeld(name: string, digest: string | undefined): boolean {
    return digest === undefined || this.#approved.get(name) !== digest;
  }

  async approve(tools: ToolDigests, by: string): Promise<void> {
    for (const [name, digest] of tools) this.#approved.set(name, digest);
    await this.#store.approveTools(tools, by);
  }
}
