/** Where state, key, sockets and configuration lie, and who may look at them. */
import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config.ts';
import { findKey, keySource } from '../serializer/key.ts';
import { adminSocketPath, stateHome } from '../state/directory.ts';
import {
  directoryFinding,
  type Examine,
  type Finding,
  failure,
  messageOf,
  ok,
  type Surroundings,
  warning,
} from './check.ts';

/** The home of all names, and the directory of each. */
export const stateDirectories: Examine = async ({ environment }) => {
  const check = 'state directory';
  const home = stateHome(environment);
  const finding = await directoryFinding(check, home);
  if (finding === null) return [ok(check, `${home} will be made at the first start`)];
  if (finding.status === 'failure') return [finding];
  const entries = await readdir(home, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
  const below = await Promise.all(names.map((name) => directoryFinding(check, join(home, name))));
  const bad = below.filter((each) => each !== null && each.status !== 'ok') as Finding[];
  return finding.status === 'ok' && bad.length > 0 ? bad : [finding, ...bad];
};

/** Where the admin sockets are: too long a path for a socket, or one that others can reach. */
export const runtimeDirectory: Examine = async ({ environment }) => {
  const check = 'runtime directory';
  try {
    const directory = dirname(adminSocketPath('', environment));
    const wanted = environment.XDG_RUNTIME_DIR;
    const finding = await directoryFinding(check, directory);
    if (finding !== null && finding.status !== 'ok') return [finding];
    if (wanted && directory !== join(wanted, 'segue'))
      return [
        warning(
          check,
          `${wanted} is too long for a socket, or not absolute: ${directory} is used`,
          'give all segue commands the same short XDG_RUNTIME_DIR',
        ),
      ];
    return [finding ?? ok(check, `${directory} will be made at the first start`)];
  } catch (error) {
    return [failure(check, messageOf(error), 'set XDG_RUNTIME_DIR or TMPDIR to a shorter path')];
  }
};

export const key: Examine = async ({ environment }) => {
  const source = keySource(environment);
  const from = source.secret === undefined ? source.file : 'SEGUE_KEY';
  try {
    const found = await findKey(source);
    return [ok('key', found === null ? `${from} will be made at the first start` : `from ${from}`)];
  } catch (error) {
    const advice =
      source.secret === undefined
        ? `chmod 600 ${from}; where it is damaged, put its backup back: without it old snapshots stay sealed`
        : 'make one: openssl rand -hex 32';
    return [failure('key', messageOf(error), advice)];
  }
};

export interface ConfigSource {
  file: string | undefined;
  flags: Record<string, unknown>;
}

/** The configuration that a start would have, or why it would have none. */
export function readConfig(
  { environment, cwd }: Surroundings,
  { file, flags }: ConfigSource,
): { config: Config | null; findings: Finding[] } {
  const path = file ?? (environment.SEGUE_CONFIG || undefined);
  try {
    const config = loadConfig({ file, flags, environment, cwd });
    if (path === undefined) return { config, findings: [ok('configuration', 'no file is named')] };
    return { config, findings: [readableByOthers(resolve(cwd, path), config) ?? ok('configuration', path)] };
  } catch (error) {
    const advice = 'correct what it names; docs/configuration.md has all settings';
    return { config: null, findings: [failure('configuration', messageOf(error), advice)] };
  }
}

function readableByOthers(path: string, { http, environment }: Config): Finding | null {
  const secrets = [
    http.tokens.length > 0 ? 'tokens' : '',
    Object.keys(environment.set).length > 0 ? 'variables' : '',
  ].filter(Boolean);
  if (secrets.length === 0 || process.getuid?.() === undefined || !existsSync(path)) return null;
  if ((statSync(path).mode & 0o044) === 0) return null;
  const detail = `others may read ${basename(path)}, which holds ${secrets.join(' and ')}`;
  return warning('configuration', detail, `chmod 600 ${path}`);
}
