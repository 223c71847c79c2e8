/** `--set timing.drainMs=5000`: one setting by its dotted name. */
import { SegueError } from '../errors.ts';
import { settingsIn } from './load.ts';
import { didYouMean } from './nearest.ts';

/**
 * The settings as a config layer. A value is JSON, else a plain text.
 * @throws SegueError INVALID_PARAMETERS for a text without "=" or an unknown name
 */
export function parseSettings(assignments: readonly string[]): Record<string, unknown> {
  const layer: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw invalid(`--set needs NAME=VALUE, not "${assignment}"`);
    assign(layer, assignment.slice(0, equals), parseValue(assignment.slice(equals + 1)));
  }
  return layer;
}

function assign(layer: Record<string, unknown>, name: string, value: unknown): void {
  const path = name.split('.');
  // Names below environment.set are the operator's own and may hold dots.
  if (path[0] === 'environment' && path[1] === 'set' && path.length > 2) {
    inner(inner(layer, 'environment'), 'set')[path.slice(2).join('.')] = String(value);
    return;
  }
  for (const [at, key] of path.entries()) checkName(key, path.slice(0, at), name);
  const key = path.pop()!;
  path.reduce(inner, layer)[key] = value;
}

function inner(layer: Record<string, unknown>, key: string): Record<string, unknown> {
  if (typeof layer[key] !== 'object' || layer[key] === null) layer[key] = {};
  return layer[key] as Record<string, unknown>;
}

function checkName(key: string, path: readonly string[], name: string): void {
  const known = settingsIn(path);
  if (known.includes(key)) return;
  if (known.length === 0) throw invalid(`--set: unknown setting "${name}"`);
  throw invalid(`--set: unknown setting "${[...path, key].join('.')}"${didYouMean(key, known)}`);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // a word need not be quoted
  }
}

function invalid(message: string): SegueError {
  return new SegueError('INVALID_PARAMETERS', message);
}
