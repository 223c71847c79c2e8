/** When a cron expression means; pure. The library is loaded when there is one. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function parse(expression: string, timezone: string) {
  const { Cron } = require('croner') as typeof import('croner');
  return new Cron(expression, { timezone, paused: true });
}

/** The first moment after `after` at which it begins, or null; both epoch milliseconds. */
export function nextStart(expression: string, timezone: string, after: number): number | null {
  return parse(expression, timezone).nextRun(new Date(after))?.getTime() ?? null;
}

/** False too for one that never comes: the 30th of February. */
export function isCron(expression: string): boolean {
  try {
    const cron = parse(expression, 'UTC');
    return cron.getPattern() !== undefined && cron.nextRun() !== null;
  } catch {
    return false;
  }
}

export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
