/**
 * How a session reaches the tools and resources that Segue itself serves. See surface.ts.
 */
import type { Json } from '../wire/message.ts';

export const TOOL_PREFIX = 'orchestrator_';
/** Used for all five together when the worker has a tool of one of our names (design.md). */
export const CLASH_PREFIX = 'segue_';
export const TOOL_NAMES = [
  'restart_server',
  'health_check',
  'shutdown_prepare',
  'reconnect_test',
  'restart_status',
] as const;
export const RESOURCE_SCHEME = 'reboot://';
export const STATUS_URI = 'reboot://status';

export interface EndpointCall {
  /** A complete notification line for the client, e.g. progress. */
  notify(line: Buffer): void;
  signal: AbortSignal;
}

export interface Endpoint {
  /** Our entries of tools/list under their `orchestrator_` names. */
  listTools(): Promise<Json[]>;
  listResources(): Promise<Json[]>;
  /** tools/call and resources/read of ours; never rejects: a failure is a tool error or a JSON-RPC error. */
  handle(method: string, params: Json, call: EndpointCall): Promise<{ result: Json } | { error: Json }>;
}
