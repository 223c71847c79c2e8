/** The servers in a client's configuration: JSON, with or without comments. */
import { createHash } from 'node:crypto';
import { win32 } from 'node:path';
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { SegueError } from '../errors.ts';
import type { ClientConfig } from './clients.ts';
import { lineOf } from './edits.ts';

export interface Server {
  name: string;
  section: readonly string[];
  /** Its object in the text. */
  node: Node;
  /** `plain` can be wrapped. */
  kind: 'plain' | 'wrapped' | 'left';
  /** Why it is left. */
  why: string;
  /** Of plain and wrapped ones. */
  command: string;
  args: readonly string[];
}

/** What decides whether a server can be wrapped, or is already. */
export interface Judge {
  platform: NodeJS.Platform;
  /** Segue's own, as a client starts it. */
  script: string | undefined;
}

/** In the order of the file. @throws SegueError INVALID_PARAMETERS with line and column where it is no JSON */
export function serversIn(text: string, { file, sections }: ClientConfig, judge: Judge): Server[] {
  const root = parsed(text, file);
  return sections.flatMap((section) => {
    const object = section.reduce<Node | undefined>((node, key) => member(node, key), root);
    const properties = object?.type === 'object' ? (object.children ?? []) : [];
    const last = new Map(properties.map((property) => [property.children?.[0]?.value as string, property]));
    return [...last].flatMap(([name, property]) => {
      const node = property.children?.[1];
      return node === undefined ? [] : [{ name, section, node, ...judged(node, judge) }];
    });
  });
}

function parsed(text: string, file: string): Node {
  const errors: ParseError[] = [];
  // A byte order mark is no JSON; a blank in its place keeps all offsets.
  const root = parseTree(text.replace(/^\uFEFF/, ' '), errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) throw broken(text, file, error);
  return root!;
}

function broken(text: string, file: string, { error, offset }: ParseError): SegueError {
  const line = lineOf(text, offset);
  const column = offset - text.lastIndexOf('\n', offset - 1);
  const problem = printParseErrorCode(error)
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
  const message = `${file}: no JSON at line ${line}, column ${column} (${problem}); nothing was changed`;
  return new SegueError('INVALID_PARAMETERS', message, { data: { line, column } });
}

/** Of two with the same key the last one counts, as for JSON.parse. */
export function member(object: Node | undefined, key: string): Node | undefined {
  if (object?.type !== 'object') return undefined;
  return object.children?.findLast(({ children }) => children?.[0]?.value === key)?.children?.[1];
}

type Judged = Pick<Server, 'kind' | 'why' | 'command' | 'args'>;

function judged(node: Node, { platform, script }: Judge): Judged {
  const left = (why: string) => ({ kind: 'left' as const, why, command: '', args: [] });
  const command = member(node, 'command');
  if (command === undefined)
    return left(isRemote(node) ? 'it is reached by its address, not started' : 'it has no command');
  const args = member(node, 'args');
  const words = args?.children ?? [];
  if (command.type !== 'string' || command.value === '') return left('its command is no text');
  if (args && (args.type !== 'array' || words.some(({ type }) => type !== 'string')))
    return left('its args are no list of texts');
  const own = { why: '', command: command.value as string, args: words.map(({ value }) => value as string) };
  if (isSegue(own.command, own.args, script)) return { kind: 'wrapped', ...own };
  if (platform === 'win32' && isBatch(own.command))
    return left(`${own.command} is a batch file, which needs a shell: name the program behind it`);
  return { kind: 'plain', ...own };
}

function isRemote(node: Node): boolean {
  return ['url', 'httpUrl', 'serverUrl'].some((key) => member(node, key) !== undefined);
}

/** By whatever way it is started: its own name, its script, or its package. */
function isSegue(command: string, args: readonly string[], script: string | undefined): boolean {
  const separator = args.indexOf('--');
  const own = separator < 0 ? args : args.slice(0, separator);
  return (
    /^segue(\.(cmd|exe|ps1))?$/i.test(win32.basename(command)) ||
    own.some((word) => word === script || /^mcp-segue(@.*)?$|[\\/]bin[\\/]segue\.js$/.test(word))
  );
}

function isBatch(command: string): boolean {
  return /^(npx|npm|pnpm|yarn)$|\.(cmd|bat)$/i.test(win32.basename(command));
}

/** A name for the instance and its state: the server's, where it is one; two servers never get the same. */
export function instanceName(server: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(server)) return server;
  const hash = createHash('sha256').update(server).digest('hex').slice(0, 6);
  const near = server.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${near.slice(0, 50) || 'server'}-${hash}`;
}
