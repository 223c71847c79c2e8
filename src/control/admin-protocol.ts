/** The admin socket's methods (types.ts, ADMIN_METHODS) as calls of Control, their params parsed at this edge. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { SegueError } from '../errors.ts';
import { type Feed, HAPPENING_KINDS, type Onlooker } from '../observe/feed.ts';
import { overview } from '../observe/overview.ts';
import { healthInput, prepareInput, reconnectTestInput, restartInput, statusInput } from './schemas.ts';
import type { AdminMethod, Control, Principal, RestartOptions } from './types.ts';

/** One line; longer ones end the connection. */
export const MAX_ADMIN_LINE_BYTES = 1024 * 1024;

const restartParams = restartInput.extend({
  /** argv, no shell. */
  command: z.array(z.string().min(1)).min(1).optional(),
  /** Where the new command runs: absolute, because the client's working directory is not ours. */
  cwd: z.string().optional(),
});
const historyParams = z.object({ limit: z.int().min(1).max(1000).default(20) });
const watchParams = z.object({ kinds: z.array(z.enum(HAPPENING_KINDS)).min(1).optional() });
const reportParams = z.object({ reboot_id: z.string().min(1) });

export interface AdminCall {
  params: unknown;
  who: Principal;
  /** Aborts when the client leaves: stops its waiting, nothing else. */
  signal: AbortSignal;
  feed: Feed;
  /** Called with what a `watch` sees. */
  onHappening: Onlooker;
  onProgress: NonNullable<RestartOptions['onProgress']>;
}

type Handler = (control: Control, call: AdminCall) => Promise<unknown>;

export const ADMIN_HANDLERS: Record<AdminMethod, Handler> = {
  async restart(control, { params, who, signal, onProgress }) {
    const { command, cwd, ...input } = parse(restartParams, params);
    if (cwd !== undefined && resolve(cwd) !== cwd) throw invalid('cwd must be an absolute path');
    if (command === undefined) return control.restart(input, who, { signal, onProgress });
    const [file, ...args] = command;
    const next = { file: file!, args, cwd: cwd ?? control.info().cwd };
    return control.restart(input, who, { signal, onProgress, command: next });
  },
  abort: async (control, { who }) => control.abort(who),
  approve: async (control, { who }) => control.approve(who),
  reset: async (control, { who, signal, onProgress }) => control.reset(who, { signal, onProgress }),
  health: async (control, { params, who }) => control.health(parse(healthInput, params), who),
  prepare: async (control, { params, who }) => control.prepare(parse(prepareInput, params), who),
  reconnect_test: async (control, { params, who }) =>
    control.reconnectTest(parse(reconnectTestInput, params), who),
  status: async (control, { params, who }) => control.status(parse(statusInput, params), who),
  history: async (control, { params }) => control.history(parse(historyParams, params).limit),
  report: async (control, { params }) => control.report(parse(reportParams, params).reboot_id),
  info: async (control) => control.info(),
  overview: async (control, { who }) => overview(control, who),
  logs: async (_control, { feed }) => feed.recentLines(),
  watch(_control, { params, feed, signal, onHappening }) {
    const { kinds } = parse(watchParams, params);
    const undo = feed.subscribe((happening) => {
      if (kinds?.includes(happening.kind) ?? true) onHappening(happening);
    });
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undo()), { once: true }));
  },
};

function parse<Schema extends z.ZodType>(schema: Schema, params: unknown): z.output<Schema> {
  const result = schema.safeParse(params ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(`${issue!.path.join('.') || 'params'}: ${issue!.message}`);
}

function invalid(message: string): SegueError {
  return new SegueError('INVALID_PARAMETERS', message);
}
