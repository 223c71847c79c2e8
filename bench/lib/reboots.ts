/** Reboots one after the other: what Segue reports of each, and what the clients heard meanwhile. */
import type { RestartReport } from '../../src/control/schemas.ts';
import { sized } from './options.ts';
import { median, type Spread, spread } from './spread.ts';
import type { Traffic } from './traffic.ts';

export interface Rebooted {
  scene: string;
  reboots: number;
  /** Medians. */
  phasesMs: Record<string, number>;
  wholeMs: Spread;
  /** As Segue reports it: from the last answer that the old server could give to the first of the new one. */
  blackoutMs: Spread;
  /** As the clients saw it: the longest time in which none of them was answered. Null where nobody called. */
  silentMs: Spread | null;
  /** Calls over all of the reboots, and those that failed. */
  calls: number;
  failed: number;
}

export const WARM = sized(1, 2);

/** One reboot after the other; between them one call, so that the new server has answered. */
export async function reboots(
  scene: string,
  restart: () => Promise<RestartReport>,
  call: () => Promise<unknown>,
  traffic: Traffic | null,
  count: number,
): Promise<Rebooted> {
  const reports: RestartReport[] = [];
  const silences: number[] = [];
  for (let time = -WARM; time < count; time++) {
    traffic?.silence();
    const report = await restart();
    await call();
    if (report.success !== true) throw new Error(`a reboot failed: ${JSON.stringify(report)}`);
    if (time < 0) continue;
    reports.push(report);
    if (traffic) silences.push(traffic.silence());
  }
  await traffic?.end();
  const names = reports[0]!.phases.map(({ name }) => name);
  const phase = (name: string) =>
    median(reports.map(({ phases }) => phases.find((each) => each.name === name)?.duration_ms ?? 0));
  return {
    scene,
    reboots: count,
    phasesMs: Object.fromEntries(names.map((name) => [name, phase(name)])),
    wholeMs: spread(reports.map((report) => report.duration_ms!)),
    blackoutMs: spread(reports.map((report) => report.blackout_ms!)),
    silentMs: traffic ? spread(silences) : null,
    calls: traffic?.calls ?? 0,
    failed: traffic?.failed ?? 0,
  };
}
