/**
 * What lists a session has seen, and how a new worker's lists differ from them (protocol.md, "What a reboot must
 * replay", 7). Tools are read by Segue itself, all pages; the other lists are followed as the client reads them.
 */
import { createHash } from 'node:crypto';
import { type HeaderParam, headerParams } from '../mcp/header-params.ts';
import { isObject, type Json } from '../wire/message.ts';

export const LISTS = {
  tools: { method: 'tools/list', member: 'tools', name: 'name', changed: 'notifications/tools/list_changed' },
  prompts: {
    method: 'prompts/list',
    member: 'prompts',
    name: 'name',
    changed: 'notifications/prompts/list_changed',
  },
  resources: {
    method: 'resources/list',
    member: 'resources',
    name: 'uri',
    changed: 'notifications/resources/list_changed',
  },
  templates: {
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    name: 'uriTemplate',
    changed: 'notifications/resources/list_changed',
  },
} as const;
export type ListKind = keyof typeof LISTS;
export const LIST_KINDS = Object.keys(LISTS) as ListKind[];

/** Items by name, each as the digest of its canonical text. */
type Items = Map<string, string>;

/** What of a list is kept with its session. */
export interface SavedList {
  items: [name: string, digest: string][];
  complete: boolean;
}

export interface ListDiff {
  added: string[];
  removed: string[];
  changed: string[];
}

export interface ToolHints {
  repeatable: boolean;
  headers: readonly HeaderParam[];
}

/** A server that answers every page with one more cursor must not keep us for ever. */
const MAX_PAGES = 1000;

/** Lists as a worker gave them, all pages together. */
export type WholeLists = Partial<Record<ListKind, Json[]>>;

export class Inventory {
  readonly #lists = new Map<ListKind, { items: Items; complete: boolean }>();
  #hints = new Map<string, ToolHints>();
  /** For `--optimistic` alone: digests do for everything else. */
  readonly #whole: WholeLists | null;

  constructor({ keepsWhole = false } = {}) {
    this.#whole = keepsWhole ? {} : null;
  }

  /** Of those that are known to their end. */
  get whole(): WholeLists {
    const known = Object.entries(this.#whole ?? {}) as [ListKind, Json[]][];
    return Object.fromEntries(known.filter(([kind]) => this.#lists.get(kind)?.complete !== false));
  }

  /** What an earlier worker gave to another client: offered, and not counted as seen. */
  recall(lists: WholeLists): void {
    if (this.#whole) Object.assign(this.#whole, lists);
  }

  knows(kind: ListKind): boolean {
    return this.#lists.has(kind);
  }

  isComplete(kind: ListKind): boolean {
    return this.#lists.get(kind)?.complete === true;
  }

  names(kind: ListKind): string[] {
    return [...(this.#lists.get(kind)?.items.keys() ?? [])];
  }

  /** Tools by the digests of their definitions, as the generation that was read last has them. */
  get tools(): ReadonlyMap<string, string> {
    const items = this.#lists.get('tools')?.items ?? new Map<string, string>();
    return new Map([...items].filter(([name]) => this.#hints.has(name)));
  }

  /** By the annotations of the generation whose tools were read last. */
  repeatable(tool: string): boolean {
    return this.#hints.get(tool)?.repeatable ?? false;
  }

  /** Which of the tool's parameters stand in headers, too; none of a tool that was not read yet. */
  headerParams(tool: string): readonly HeaderParam[] {
    return this.#hints.get(tool)?.headers ?? [];
  }

  forgetHints(): void {
    this.#hints = new Map();
  }

  /** Follows a page that the client gets. */
  observe(kind: ListKind, cursor: string | null, result: Json): void {
    const list = this.#lists.get(kind);
    const first = cursor === null || !list;
    const items: Items = first ? new Map() : list.items;
    const page = collect(kind, result, items);
    if (kind === 'tools') for (const item of page) this.#hints.set(String(item.name), hintsOf(item));
    if (this.#whole) this.#whole[kind] = first ? page : [...(this.#whole[kind] ?? []), ...page];
    this.#lists.set(kind, { items, complete: typeof result.nextCursor !== 'string' });
  }

  /**
   * Reads all pages and keeps them.
   * @returns how they differ from what was known; null when nothing was known
   */
  async read(
    kind: ListKind,
    request: (method: string, params: Json) => Promise<Json>,
  ): Promise<ListDiff | null> {
    const items: Items = new Map();
    const whole: Json[] = [];
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page++) {
      const result = await request(LISTS[kind].method, cursor === undefined ? {} : { cursor });
      whole.push(...collect(kind, result, items));
      cursor = result.nextCursor;
      if (typeof cursor !== 'string') break;
    }
    const before = this.#lists.get(kind);
    this.#lists.set(kind, { items, complete: true });
    if (kind === 'tools') this.#hints = new Map(whole.map((tool) => [String(tool.name), hintsOf(tool)]));
    if (this.#whole) this.#whole[kind] = whole;
    return before ? diff(before, items) : null;
  }

  save(): Record<string, SavedList> {
    const lists = [...this.#lists].map(([kind, { items, complete }]) => [
      kind,
      { items: [...items], complete },
    ]);
    return Object.fromEntries(lists);
  }

  restore(saved: Partial<Record<ListKind, SavedList>>): void {
    for (const kind of LIST_KINDS) {
      const list = saved[kind];
      if (list) this.#lists.set(kind, { items: new Map(list.items), complete: list.complete });
    }
  }

  /** What a worker that is not there offers: nothing. */
  setEmpty(kind: ListKind): void {
    this.#lists.set(kind, { items: new Map(), complete: true });
    if (this.#whole) this.#whole[kind] = [];
  }
}

/** The tools of one page of a list, by the digests of their definitions. */
export function toolDigests(result: Json): ReadonlyMap<string, string> {
  const digests: Items = new Map();
  collect('tools', result, digests);
  return digests;
}

export function isEmptyDiff(difference: ListDiff): boolean {
  return difference.added.length + difference.removed.length + difference.changed.length === 0;
}

function collect(kind: ListKind, result: Json, into: Items): Json[] {
  const { member, name } = LISTS[kind];
  const items = Array.isArray(result[member]) ? result[member].filter(isObject) : [];
  for (const item of items) into.set(String(item[name]), digest(item));
  return items;
}

function diff(before: { items: Items; complete: boolean }, after: Items): ListDiff {
  const added = [...after.keys()].filter((name) => before.complete && !before.items.has(name));
  const removed = [...before.items.keys()].filter((name) => !after.has(name));
  const changed = [...after.keys()].filter((name) => {
    const old = before.items.get(name);
    return old !== undefined && old !== after.get(name);
  });
  return { added, removed, changed };
}

function hintsOf(tool: Json): ToolHints {
  const hints = isObject(tool.annotations) ? tool.annotations : {};
  return {
    repeatable: hints.readOnlyHint === true || hints.idempotentHint === true,
    headers: headerParams(tool),
  };
}

/** Two of a session's thousand lists are compared now and then; their texts need not stay for it. */
function digest(item: Json): string {
  return createHash('sha256').update(canonical(item)).digest('base64').slice(0, 22);
}

/** JSON with sorted keys, so that a changed order is no changed tool. */
function canonical(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, member: unknown) =>
      isObject(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    );
  } catch {
    return ''; // nested deeper than the stack, which JSON.parse does not need: passed on, never called changed
  }
}
