/**
 * Takes secrets out of what is logged or shown (F60, F61): values under telling keys, environment values, arguments
 * behind telling flags, and tokens inside a text. A safety net for our own messages, not a scanner of user content.
 */

export const HIDDEN = '[hidden]';

const SECRET_NAME =
  /(?:^|[-_.\s])(?:token|secret|password|passwd|passphrase|authorization|cookie|credentials?|api[-_]?key|private[-_]?key|access[-_]?key|seal[-_]?key)$/i;
/** The protocol's progress token is a counter. */
const NOT_SECRET = /progress[-_]token$/i;
const ENVIRONMENT_NAME = /^(?:env|environment|environ)$/i;
const TOKEN =
  /\b(?:(Bearer|Basic)\s+[\w.~+/=-]{8,}|(?:sk|pk|ghp|gho|ghs|ghu|github_pat|glpat|xox[abp])[-_][\w-]{12,}|AKIA[A-Z0-9]{16}|segue_[\w-]{43}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)/g;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+@/gi;
const MAX_DEPTH = 40;

/** True for `token`, `apiKey`, `--client-secret`, `SEGUE_PASSWORD`; false for `tokens_used`. */
export function isSecretName(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return SECRET_NAME.test(words) && !NOT_SECRET.test(words);
}

/** A text with the tokens that are recognised by their form taken out. */
export function redactText(text: string): string {
  return text
    .replace(TOKEN, (_match, scheme?: string) => (scheme ? `${scheme} ${HIDDEN}` : HIDDEN))
    .replace(URL_PASSWORD, `$1${HIDDEN}@`);
}

/** An argv with the values of telling flags taken out: `--token x`, `--token=x`, `TOKEN=x`. */
export function redactArgs(args: readonly string[]): string[] {
  let hideNext = false;
  return args.map((arg) => {
    if (hideNext) {
      hideNext = false;
      return HIDDEN;
    }
    const equals = arg.indexOf('=');
    if (equals > 0 && isSecretName(arg.slice(0, equals))) return `${arg.slice(0, equals)}=${HIDDEN}`;
    hideNext = arg.startsWith('-') && equals < 0 && isSecretName(arg);
    return redactText(arg);
  });
}

/** A deep copy that is safe to log: plain JSON values, no cycles, at most 40 levels, errors as objects. */
export function redact(value: unknown): unknown {
  return copy(value, [], 0);
}

function copy(value: unknown, above: readonly object[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return '[circular]';
  if (depth >= MAX_DEPTH) return '[deep]';
  const below = [...above, value];
  if (value instanceof Error) return copyError(value, below, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) {
    const strings = value.length > 1 && value.every((item) => typeof item === 'string');
    return strings ? redactArgs(value) : value.map((item) => copy(item, below, depth + 1));
  }
  return copyObject(value, below, depth);
}

function copyObject(value: object, above: readonly object[], depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (isSecretName(key) && item !== null && item !== undefined) result[key] = HIDDEN;
    else if (ENVIRONMENT_NAME.test(key)) result[key] = namesOnly(item);
    else result[key] = copy(item, above, depth + 1);
  }
  return result;
}

/** Of an environment, the names are useful and the values are not ours to show. */
function namesOnly(environment: unknown): unknown {
  if (typeof environment !== 'object' || environment === null) return HIDDEN;
  return Object.keys(environment);
}

function copyError(error: Error, above: readonly object[], depth: number): Record<string, unknown> {
  return {
    ...copyObject({ ...error }, above, depth),
    type: error.name,
    message: redactText(error.message),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: copy(error.cause, above, depth + 1) }),
  };
}
