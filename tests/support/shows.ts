/**
 * A test that shows a promise or a fault: `shows('F12', 'opens the breaker after five crashes', async () => …)`.
 * The ids travel with the test; the reporter beside this file counts those of passed tests against requirements.ts.
 */
import { it, type TestContext } from 'vitest';
import { REQUIREMENT_IDS, type RequirementId } from '../requirements.ts';

declare module 'vitest' {
  interface TaskMeta {
    shows?: RequirementId[];
  }
}

/**
 * `ids` are separated by blanks; an unknown one throws while the file is collected. `timeoutMs` replaces the
 * default of the configuration.
 */
export function shows(
  ids: string,
  name: string,
  fn: (context: TestContext) => unknown,
  timeoutMs?: number,
): void {
  const shown = parseIds(ids);
  const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs };
  it(`${shown.join(' ')}: ${name}`, { meta: { shows: shown }, ...timeout }, async (context) => {
    await fn(context);
  });
}

function parseIds(ids: string): RequirementId[] {
  const list = ids.trim().split(/\s+/);
  const unknown = list.filter((id) => !REQUIREMENT_IDS.includes(id as RequirementId));
  if (unknown.length > 0)
    throw new Error(`shows(): no such promise or fault: ${unknown.join(', ') || '(none given)'}`);
  return list as RequirementId[];
}
