/**
 * The parameters that a tool wants to see in headers `Mcp-Param-…` as well (`x-mcp-header` in its input schema;
 * 2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters").
 */
import { isObject, type Json } from '../wire/message.ts';

export interface HeaderParam {
  /** With its prefix, in lower case. */
  header: string;
  /** Where it stands in the arguments. */
  path: readonly string[];
}

/** Deeper than this nobody nests a parameter that goes into a header. */
const MAX_DEPTH = 20;
/** What may name a header (RFC 9110, 5.1); by any other the annotation means nothing. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NONE: readonly HeaderParam[] = [];

/** Those that can be reached by `properties` alone; elsewhere the annotation means nothing. */
export function headerParams(tool: Json): readonly HeaderParam[] {
  const found = isObject(tool.inputSchema) ? [...declared(tool.inputSchema, [])] : NONE;
  return found.length > 0 ? found : NONE;
}

function* declared(schema: Json, path: readonly string[]): Generator<HeaderParam> {
  if (!isObject(schema.properties) || path.length >= MAX_DEPTH) return;
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!isObject(property)) continue;
    const own = [...path, name];
    const header = property['x-mcp-header'];
    if (typeof header === 'string' && TOKEN.test(header))
      yield { header: `mcp-param-${header.toLowerCase()}`, path: own };
    yield* declared(property, own);
  }
}

/** The argument at `path`; null where it needs no header or cannot stand in one. */
export function headerArgument(args: unknown, path: readonly string[]): string | number | boolean | null {
  const value = path.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), args);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  // An integer that JSON has rounded is not what its header says.
  return typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value))
    ? value
    : null;
}
