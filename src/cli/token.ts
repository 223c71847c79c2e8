/** `segue token add | list | remove`: who may call the HTTP service, in the configuration file. */

import { changeConfigFile, readConfigFile } from '../config/change.ts';
import { didYouMean } from '../config/nearest.ts';
import type { ConfigInput } from '../config.ts';
import type { Role } from '../control/roles.ts';
import { systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { hashOf } from '../front/http/access/tokens.ts';
import { table } from './format.ts';
import { plainJson } from './plain.ts';
import type { Terminal } from './terminal.ts';

export interface TokenOptions {
  config?: string;
  json?: boolean;
}

type Tokens = NonNullable<NonNullable<ConfigInput['http']>['tokens']>;

/** Recognised by its beginning, so that it can be found where it does not belong. */
const PREFIX = 'segue_';
const RANDOM_BYTES = 32;

/** Prints the token, once; its hash is all that is kept. @throws SegueError INVALID_PARAMETERS for a name that is taken */
export function addToken(
  terminal: Terminal,
  name: string,
  { role, ...options }: TokenOptions & { role: Role },
): number {
  const file = fileOf(terminal, options);
  const token = PREFIX + systemEnv.bytes(RANDOM_BYTES).toString('base64url');
  changeTokens(file, (tokens) => {
    if (tokens.some((each) => each.name === name)) throw invalid(`a token "${name}" exists already`);
    return [...tokens, { name, role, sha256: hashOf(token) }];
  });
  if (options.json) terminal.out(plainJson({ name, role, token, file }));
  else {
    terminal.err(`segue: token "${name}" (${role}) added to ${file}; it is shown this once:`);
    terminal.out(token);
  }
  return 0;
}

export function listTokens(terminal: Terminal, options: TokenOptions): number {
  const tokens = readConfigFile(fileOf(terminal, options)).http?.tokens ?? [];
  const rows = tokens.map(({ name, role = 'client' }) => ({ name, role }));
  if (options.json) terminal.out(plainJson(rows));
  else terminal.out(rows.length === 0 ? 'no tokens yet' : table(['NAME', 'ROLE'], rows.map(Object.values)));
  return 0;
}

/** @throws SegueError INVALID_PARAMETERS for an unknown name */
export function removeToken(terminal: Terminal, name: string, options: TokenOptions): number {
  const file = fileOf(terminal, options);
  const { http } = changeTokens(file, (tokens) => {
    const names = tokens.map((token) => token.name);
    if (!names.includes(name)) throw invalid(`no token has the name "${name}"${didYouMean(name, names)}`);
    return tokens.filter((token) => token.name !== name);
  });
  if (options.json) terminal.out(plainJson({ name, file }));
  else terminal.out(`token "${name}" removed from ${file}`);
  if (http?.tokens?.length === 0 && http.oauth === undefined)
    terminal.err(
      `segue: no token is left: every program of this machine may call, as ${http.anonymous ?? 'client'}`,
    );
  return 0;
}

/** Returns the configuration as it is now. */
function changeTokens(file: string, change: (tokens: Tokens) => Tokens): ConfigInput {
  let changed: ConfigInput = {};
  changeConfigFile(file, (config) => {
    changed = { ...config, http: { ...config.http, tokens: change(config.http?.tokens ?? []) } };
    return changed;
  });
  return changed;
}

function fileOf({ environment }: Terminal, { config }: TokenOptions): string {
  const file = config ?? (environment.SEGUE_CONFIG || undefined);
  if (file === undefined) throw invalid('say which file: --config <file> or SEGUE_CONFIG');
  return file;
}

function invalid(message: string): SegueError {
  return new SegueError('INVALID_PARAMETERS', message);
}
