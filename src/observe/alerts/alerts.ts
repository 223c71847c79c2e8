/**
 * Tells people, by webhooks, what needs them (M2). The same of the same worker is told once in a while, not each time;
 * the next telling says how often it came. Nothing here holds up the relay.
 */
import type { Config } from '../../config.ts';
import type { Env } from '../../env.ts';
import { SegueError } from '../../errors.ts';
import type { Feed, Happening } from '../feed.ts';
import type { Log } from '../log.ts';
import { type Alert, type AlertEvent, judge } from './alert.ts';
import { bodyOf, type Notice } from './format.ts';
import { Sender } from './sender.ts';

export interface AlertsOptions {
  alerts: Config['alerts'];
  /** Of the Segue, as it stands in each alert. */
  name: string;
  feed: Feed;
  env: Env;
  log: Log;
  /** Where `urlFrom`, `routingKeyFrom` and `authorizationFrom` are looked up. */
  environment: Readonly<Record<string, string | undefined>>;
}

export interface Alerts {
  /** What waits is still sent, for `deadlineMs` at most. */
  close(deadlineMs: number): Promise<void>;
}

/** Of one event of one worker: how it was told, and how often it came since. */
interface Told {
  alert: Alert;
  /** Monotonic. */
  at: number;
  repeated: number;
}

/** @throws SegueError INVALID_PARAMETERS for a variable that is named and not there */
export function startAlerts({ alerts: { to, repeatMs, retryMs }, ...options }: AlertsOptions): Alerts {
  const { name, feed, env, environment } = options;
  const told = new Map<string, Told>();
  const destinations = to.map((destination) => {
    const variable = (from: string | undefined) => from && required(environment, from);
    const authorization = variable(destination.authorizationFrom);
    const log = options.log.child({ alerts: destination.format });
    const url = destination.url ?? variable(destination.urlFrom)!;
    const headers: Record<string, string> = authorization ? { authorization } : {};
    return {
      ...destination,
      routingKey: variable(destination.routingKeyFrom),
      sender: new Sender({ env, log, url, headers, retryMs }),
    };
  });

  function notify(notice: Notice): void {
    for (const { events, format, routingKey, sender } of destinations) {
      if (events && !events.includes(notice.alert.event)) continue;
      sender.send(JSON.stringify(bodyOf(format, notice, routingKey)));
    }
  }

  function raise(alert: Alert): void {
    const key = `${alert.instance} ${alert.event}`;
    const before = told.get(key);
    if (before && env.monotonic() - before.at < repeatMs) {
      before.repeated += 1;
      return;
    }
    told.set(key, { alert, at: env.monotonic(), repeated: 0 });
    notify({ alert, name, resolved: false, repeated: before?.repeated ?? 0 });
  }

  function resolve(instance: string, event: AlertEvent, at: string): void {
    const key = `${instance} ${event}`;
    const before = told.get(key);
    if (!before || !told.delete(key)) return;
    notify({ alert: { ...before.alert, at }, name, resolved: true, repeated: before.repeated });
  }

  function onHappening(happening: Happening): void {
    if (happening.kind === 'log') return;
    const { raised, over } = judge(happening);
    for (const event of over) resolve(happening.instance, event, happening.at);
    for (const alert of raised) raise(alert);
    if (happening.kind !== 'workers' || happening.change !== 'removed') return;
    for (const [key, { alert }] of told) if (alert.instance === happening.instance) told.delete(key);
  }

  const undo = feed.subscribe(onHappening);
  return {
    async close(deadlineMs) {
      undo();
      await Promise.all(destinations.map(({ sender }) => sender.close(deadlineMs)));
    },
  };
}

function required(environment: AlertsOptions['environment'], variable: string): string {
  const value = environment[variable];
  if (value) return value;
  const text = `alerts: the variable ${variable} is named in the configuration and not set`;
  throw new SegueError('INVALID_PARAMETERS', text);
}
