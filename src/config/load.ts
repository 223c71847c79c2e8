/**
 * Flags over environment over `segue.json` → one parsed Config.
 *
 * The file is looked for where `--config` says, else where SEGUE_CONFIG says, and nowhere else: a file that happens to
 * lie in the working directory must not choose what we run.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type Config, configSchema } from '../config.ts';
import { SegueError } from '../errors.ts';
import { parseJson } from './json.ts';
import { didYouMean } from './nearest.ts';
import { readSafeFile } from './safe-file.ts';

type Layer = Record<string, unknown>;

export interface ConfigSources {
  /** `--config`. */
  file?: string | undefined;
  /** From flags: the shape of ConfigInput, not yet checked. */
  flags: Layer;
  environment: Readonly<Record<string, string | undefined>>;
  /** What relative paths of flags and environment are relative to. A file's own are relative to the file. */
  cwd: string;
}

/** Environment variables that set one field each. */
export const CONFIG_VARIABLES = {
  SEGUE_NAME: 'name',
  SEGUE_LOG_LEVEL: 'logLevel',
  SEGUE_ISOLATION: 'isolation',
  SEGUE_HANDOVER: 'handover',
  SEGUE_REPLAY: 'replay',
  SEGUE_TOOLS: 'tools',
  SEGUE_PERSIST: 'persist',
  SEGUE_INSPECT: 'inspect',
} as const;

/** Absolute; undefined where there is none. */
export function configFile({ file, environment, cwd }: Omit<ConfigSources, 'flags'>): string | undefined {
  const path = file ?? (environment.SEGUE_CONFIG || undefined);
  return path === undefined ? undefined : resolve(cwd, path);
}

/** @throws SegueError INVALID_PARAMETERS, or NOT_AUTHORIZED for an unsafe file; one sentence, naming source and field. */
export function loadConfig(sources: ConfigSources): Config {
  const path = configFile(sources);
  const file = path === undefined ? {} : readLayer(path);
  const environment = checkLayer('environment', environmentLayer(sources.environment));
  const flags = checkLayer('command line', absoluteCwd(sources.flags, sources.cwd));
  const config = configSchema.parse(merge(merge(file, environment), flags));
  checkTogether(config);
  return config;
}

/** What does nothing without another setting, which may stand in another layer. */
function checkTogether({ triggers, windows }: Config): void {
  const invalid = (path: string, why: string) => {
    throw new SegueError('INVALID_PARAMETERS', `"${path}": ${why}`, { data: { path } });
  };
  if (triggers.build !== undefined && triggers.watch.length === 0)
    invalid('triggers.build', 'nothing would ever run it without files to watch (--watch, triggers.watch)');
  if (triggers.windowOnly && windows.length === 0)
    invalid('triggers.windowOnly', 'there are no windows, so nothing would ever be rebooted');
}

/** A config file as it is written, checked against the schema. */
function readLayer(path: string): Layer {
  const { realPath, text } = readSafeFile(path);
  const layer = parseJson(text, path);
  checkLayer(path, layer);
  return absoluteCwd(layer as Layer, dirname(realPath));
}

/** Each layer is checked alone, so that a complaint can name its source. Returns it unchanged: defaults come last. */
export function checkLayer<T>(source: string, layer: T): T {
  const result = configSchema.safeParse(layer);
  if (result.success) return layer;
  // A mistyped name mostly makes another setting missing: the name is the better complaint.
  const { issues } = result.error;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  throw new SegueError('INVALID_PARAMETERS', `${source}: ${explain(issue)}`, {
    data: { source, path: issue.path.join('.') },
  });
}

function explain(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    return `unknown setting "${[...path, key].join('.')}"${didYouMean(key, settingsIn(path))}`;
  }
  const name = path.length === 0 ? 'the configuration' : `"${path.join('.')}"`;
  return `${name}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

/** The names of the settings in one section; `[]` is the top. */
export function settingsIn(path: readonly string[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    const section = unwrapped(schema);
    if (section instanceof z.ZodObject) schema = section.shape[key];
    else if (section instanceof z.ZodRecord) schema = section.valueType;
    else return [];
  }
  const section = unwrapped(schema);
  return section instanceof z.ZodObject ? Object.keys(section.shape) : [];
}

/** Without the defaults around it. */
function unwrapped(schema: unknown): unknown {
  const wraps =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return wraps ? unwrapped(schema.unwrap()) : schema;
}

function environmentLayer(environment: ConfigSources['environment']): Layer {
  const layer: Layer = {};
  for (const [variable, field] of Object.entries(CONFIG_VARIABLES)) {
    const text = environment[variable];
    if (text === undefined || text === '') continue;
    layer[field] = ['tools', 'persist', 'inspect'].includes(field) ? toBoolean(variable, text) : text;
  }
  return layer;
}

function toBoolean(variable: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new SegueError('INVALID_PARAMETERS', `environment: ${variable} must be true or false, not "${text}"`);
}

/** The server's own, and that of each recipe. */
function absoluteCwd(layer: Layer, base: string): Layer {
  const result = typeof layer.cwd === 'string' ? { ...layer, cwd: resolve(base, layer.cwd) } : layer;
  if (!isLayer(result.orchestrator) || !isLayer(result.orchestrator.recipes)) return result;
  const recipes = Object.entries(result.orchestrator.recipes).map(([name, recipe]) => [
    name,
    isLayer(recipe) ? absoluteCwd(recipe, base) : recipe,
  ]);
  return { ...result, orchestrator: { ...result.orchestrator, recipes: Object.fromEntries(recipes) } };
}

/** Objects are merged key by key, everything else is replaced. */
function merge(below: Layer, above: Layer): Layer {
  const result = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const under = result[key];
    result[key] = isLayer(under) && isLayer(value) ? merge(under, value) : value;
  }
  return result;
}

function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
