/** What reboots servers without being asked (M4): changed files, size and age, maintenance windows. */

import { relative } from 'node:path';
import type { LiveConfig } from '../config/live.ts';
import type { Config } from '../config.ts';
import type { Control } from '../control/types.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Member } from '../fleet/members.ts';
import { iso } from '../iso.ts';
import type { Log } from '../observe/log.ts';
import { Trigger } from './trigger.ts';
import type { Windows } from './windows.ts';

export interface TriggersOptions {
  env: Env;
  log: Log;
  config: Config;
  /** Of the file it was read from; a change of that is tried at once, when it is watched. */
  live?: LiveConfig | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Over all servers. */
  control: Control;
  members: () => readonly Member[];
  windows: Windows;
}

/** Nothing is loaded for what was not asked for. Returns the end of it: no reboot begins after that. */
export function startTriggers(options: TriggersOptions): () => void {
  const over = new AbortController();
  const { signal } = over;
  const { triggers, windows } = options.config;
  const failed = (err: unknown) => options.log.error({ err }, 'a trigger could not be started');
  if (triggers.watch.length > 0) void onFiles(options, signal).catch(failed);
  if (triggers.maxRssBytes !== undefined || triggers.maxAgeMs !== undefined)
    void onWorkers(options, signal).catch(failed);
  if (windows.length > 0) atEnd(signal, onWindows(options));
  return () => over.abort();
}

/** At once, for what was still being loaded when it came. */
function atEnd(over: AbortSignal, end: () => void): void {
  if (over.aborted) end();
  else over.addEventListener('abort', end, { once: true });
}

async function onFiles(options: TriggersOptions, over: AbortSignal): Promise<void> {
  const { config, control, env, environment, live, log } = options;
  const since = env.now();
  const cwd = config.cwd ?? process.cwd();
  const { build: command, buildMs: timeoutMs, watch } = config.triggers;
  const [{ watchFiles }, { runBuild }] = await Promise.all([import('./file-watch.ts'), import('./build.ts')]);
  let configChanged = false;
  const build = command && { env, log, command, cwd, environment, timeoutMs };
  const trigger = new Trigger({
    ...{ env, log, config: config.triggers, control, scope: 'all' },
    build: async (signal) => {
      const wrong = configChanged ? live?.reread() : null; // now, not at the change: it may be half written then
      configChanged = false;
      if (wrong) throw new SegueError('INVALID_PARAMETERS', wrong);
      if (build) await runBuild(build, signal);
    },
  });
  atEnd(over, () => trigger.stop());
  const files = await watchFiles({
    ...{ globs: watch, base: cwd, since, log },
    onChange(path) {
      configChanged ||= path === live?.file;
      const what = `${relative(cwd, path)} has changed`;
      trigger.cause({ trigger: 'watch', reason: 'configuration_update', what });
    },
  });
  atEnd(over, () => void files.close());
}

async function onWorkers(options: TriggersOptions, over: AbortSignal): Promise<void> {
  const { config, env, log, members, windows } = options;
  const { watchWorkers } = await import('./worker-limits.ts');
  const triggers = new WeakMap<Member, Trigger>();
  const triggerOf = (member: Member) => {
    const { control } = member;
    const trigger =
      triggers.get(member) ?? new Trigger({ env, log, config: config.triggers, control, scope: 'own' });
    triggers.set(member, trigger);
    return trigger;
  };
  const end = watchWorkers({
    ...{ env, log, config: config.triggers, members },
    allowed: () => !over.aborted && (!config.triggers.windowOnly || windows.open() !== null),
    onCause(member, cause) {
      const trigger = triggerOf(member);
      if (!trigger.busy) trigger.cause(cause); // it still holds at the next look
    },
  });
  atEnd(over, () => {
    end();
    for (const member of members()) triggers.get(member)?.stop();
  });
}

function onWindows({ config, control, env, log, windows }: TriggersOptions): () => void {
  const trigger = new Trigger({
    ...{ env, log, config: config.triggers, control, scope: 'all' },
    onEnd: (cause, result, why) => windows.ended(cause.until ?? env.now(), result, why),
  });
  const end = windows.watch(
    ({ start, end: until, reason }) => {
      const what = `the maintenance window of ${iso(start)}`;
      trigger.cause({ trigger: 'window', reason, what, until });
    },
    ({ start, end: until }) => {
      const why = 'the clock was set, or the machine slept';
      windows.ended(until, 'skipped', why);
      log.warn({ start: iso(start), why }, 'a maintenance window was missed');
    },
  );
  return () => {
    end();
    trigger.stop();
  };
}
