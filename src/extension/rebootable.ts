/**
 * `mcp-segue/worker`: what a server calls to keep its memory over reboots. Without Segue in front of it, it changes
 * nothing. Works with the `Server` and `McpServer` of both SDK lines; nothing of Segue itself is loaded.
 */
import { EXTENSION, isMethod, type Method } from './names.ts';

/** Which reboot asks, and which worker is asked. */
export interface RebootContext {
  /** Null outside a reboot: for a checkpoint, or a health check. */
  rebootId: string | null;
  generation: number;
}

/** `suspended.safe` goes on by itself after the reboot, `suspended.error` waits for a person. */
export interface RebootTask {
  id: string;
  state: string;
}

type Maybe<Value> = Value | Promise<Value>;

export interface RebootHealth {
  ok: boolean;
  message?: string;
  /** What goes on, and the ids of what could not be suspended now: a person is warned before a reboot. */
  tasks?: { count: number; unsuspendable?: string[] };
}

/** Each may be called again, also for the same reboot, and has to come to the same. One that throws has failed. */
export interface Rebootable {
  /** Comes to rest within the deadline: starts nothing new, ends or checkpoints what runs. Returns its tasks, if any. */
  // biome-ignore lint/suspicious/noConfusingVoidType: an async function that returns nothing is fine
  suspend?(context: RebootContext & { deadlineMs: number }): Maybe<RebootTask[] | void>;
  /** The reboot was taken back: goes on. May come without a suspend. */
  resume?(context: RebootContext): Maybe<void>;
  /** What its successor needs, as JSON. Without it, or `restore`, nothing is carried over. */
  serialize?(context: RebootContext): Maybe<unknown>;
  /** In the successor, before it gets anything from clients but their handshake. Throws for a state that it cannot use. */
  // biome-ignore lint/suspicious/noConfusingVoidType: an async function that returns nothing is fine
  restore?(state: unknown, context: RebootContext): Maybe<RebootTask[] | void>;
  health?(context: RebootContext): Maybe<boolean | RebootHealth>;
  /** `overlap`: a second process of this server does no harm, idle beside the first one and while that ends. Default: exclusive. */
  handover?: 'exclusive' | 'overlap';
  /** How often `serialize` is called while it serves, so that something is left after a crash. Default: never. */
  checkpointIntervalMs?: number;
}

interface Request {
  method: string;
  params?: Record<string, unknown> | undefined;
}

type Fallback = (request: Request, extra: unknown) => Promise<object>;

/** What `Server` of @modelcontextprotocol/sdk 1.x and of @modelcontextprotocol/server 2.x have in common. */
export interface RebootableServer {
  registerCapabilities(capabilities: { extensions: Record<string, Record<string, string | number>> }): void;
  fallbackRequestHandler?: ((request: never, extra: never) => Promise<unknown>) | undefined;
}

/**
 * Declares the extension and answers its requests; call it before `connect`. Other requests without a handler go on to
 * the `fallbackRequestHandler` that is set at this moment.
 */
export function rebootable(
  server: RebootableServer | { server: RebootableServer },
  options: Rebootable,
): void {
  const inner = 'server' in server ? server.server : server;
  const { handover, checkpointIntervalMs } = options;
  const declaration = {
    ...(handover !== undefined && { handover }),
    ...(checkpointIntervalMs !== undefined && { checkpoint_interval_ms: checkpointIntervalMs }),
  };
  inner.registerCapabilities({ extensions: { [EXTENSION]: declaration } });
  const next = inner.fallbackRequestHandler as Fallback | undefined;
  const fallback: Fallback = async (request, extra) => {
    const { method, params = {} } = request;
    if (isMethod(method)) return answer(options, method, params);
    if (next) return next(request, extra);
    throw notFound(method);
  };
  inner.fallbackRequestHandler = fallback;
}

async function answer(options: Rebootable, method: Method, params: Record<string, unknown>): Promise<object> {
  const context = { rebootId: params.reboot_id as string | null, generation: params.generation as number };
  switch (method) {
    case 'reboot/suspend': {
      if (!options.suspend) break;
      const tasks = await options.suspend({ ...context, deadlineMs: params.deadline_ms as number });
      return { tasks: tasks ?? [] };
    }
    case 'reboot/resume':
      if (!options.resume) break;
      await options.resume(context);
      return {};
    case 'reboot/serialize':
      if (!options.serialize) break;
      return { state: (await options.serialize(context)) ?? null };
    case 'reboot/restore': {
      if (!options.restore) break;
      const tasks = await options.restore(params.state, context);
      return tasks ? { tasks } : {};
    }
    case 'reboot/health': {
      if (!options.health) break;
      const health = await options.health(context);
      return typeof health === 'boolean' ? { ok: health } : health;
    }
  }
  throw notFound(method);
}

/** Says to Segue that the server does not offer this part. */
function notFound(method: string): Error {
  return Object.assign(new Error(`Method not found: ${method}`), { code: -32601 });
}
