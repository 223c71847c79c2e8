/**
 * The configuration of a process that runs, read again at each reboot. What may change is changed in place: all parts
 * hold the same object, and read it when they need it. The rest was built into what runs, and needs a new process.
 */
import type { Config } from '../config.ts';
import { SegueError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type ConfigSources, configFile, loadConfig } from './load.ts';

/** What may change, with all below it. */
export const LIVE_KEYS = [
  'environment',
  'replay',
  'replayTools',
  'limits.holdRequests',
  'limits.holdBytes',
  'limits.holdMs',
  'limits.stderrBytes',
  'timing',
  'orchestrator',
  'http.tokens',
  'http.allowedHosts',
  'http.allowedOrigins',
] as const;

type Section = Record<string, unknown>;

export class LiveConfig {
  /** Of the whole process. */
  readonly config: Config;
  /** Its path, where there is one. */
  readonly file: string | undefined;
  readonly #sources: ConfigSources;
  readonly #log: Log;
  /** Said last: nothing is said twice. */
  #said = '';

  /** `config` was read from `sources`. */
  constructor(config: Config, sources: ConfigSources, log: Log) {
    this.config = config;
    this.file = configFile(sources);
    this.#sources = sources;
    this.#log = log;
  }

  /** Into `holder` as well, a copy of the top of `config`. Returns why nothing was changed. */
  reread(holder: Config = this.config): string | null {
    try {
      const next = loadConfig(this.#sources);
      for (const config of new Set([this.config, holder])) adopt(config, next);
      const fixed = differences(this.config, next);
      if (fixed.length > 0) this.#warn({ settings: fixed }, 'these settings need a new process');
      else this.#said = '';
      return null;
    } catch (error) {
      const { message } = SegueError.from(error, 'INVALID_PARAMETERS');
      const why = `The configuration was not taken, the one before it counts: ${message}`;
      this.#warn({ why }, 'the configuration file is wrong');
      return why;
    }
  }

  #warn(fields: object, message: string): void {
    const text = JSON.stringify([fields, message]);
    if (text !== this.#said) this.#log.warn(fields, message);
    this.#said = text;
  }
}

function adopt(config: Config, next: Config): void {
  for (const path of LIVE_KEYS.map((key) => key.split('.'))) {
    const last = path.at(-1)!;
    const [into, from] = [config, next].map((root) =>
      path.slice(0, -1).reduce((section, key) => section[key] as Section, root as Section),
    ) as [Section, Section];
    const [old, value] = [into[last], from[last]];
    // Whoever holds the section or the list goes on holding it.
    if (Array.isArray(old) && Array.isArray(value)) old.splice(0, old.length, ...value);
    else if (isSection(old) && isSection(value)) {
      for (const key of Object.keys(old)) if (!(key in value)) delete old[key];
      Object.assign(old, value);
    } else into[last] = value;
  }
}

/** The dotted names of what differs; after `adopt` that is what could not be changed. */
function differences(one: unknown, other: unknown, path = ''): string[] {
  if (!isSection(one) || !isSection(other))
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  keys.delete('$schema');
  return [...keys].flatMap((key) => differences(one[key], other[key], path ? `${path}.${key}` : key));
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
