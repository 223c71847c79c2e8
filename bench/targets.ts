/** What is aimed at, and the floors of an earlier system, each beside what was measured. */
import type { Compared, Values } from './lib/alternate.ts';
import type { Results } from './lib/results.ts';
import type { Ratio } from './lib/spread.ts';

export interface Judged {
  what: string;
  atMost?: number;
  atLeast?: number;
  unit: '' | 'ms' | 'MB' | 'kB' | '%';
  /** Null where that part was not measured. */
  measured: number | null;
  /** Of a ratio. */
  spread?: Ratio;
  met: boolean | null;
}

type Limit = { atMost: number } | { atLeast: number };

/** Where `value` is missing it was not measured: neither met nor missed. */
function judged(what: string, limit: Limit, unit: Judged['unit'], value: number | Ratio | undefined): Judged {
  const measured = typeof value === 'object' ? value.median : (value ?? null);
  const met =
    measured === null ? null : 'atMost' in limit ? measured <= limit.atMost : measured >= limit.atLeast;
  return { what, ...limit, unit, measured, ...(typeof value === 'object' && { spread: value }), met };
}

const through = <Value extends Values>(compared: readonly Compared<Value>[] | undefined) =>
  compared?.find(({ way }) => way === 'segue');

export function targets({ stdio, http, reboot, handover, sessions }: Results): Judged[] {
  const atLoad = (part: typeof stdio | typeof http, client: string, lanes: number) =>
    through(part?.loads.find((each) => each.client === client && each.inFlight === lanes)?.compared);
  const overStdio = (client: string, lanes: number) => atLoad(stdio, client, lanes)?.to.pipe;
  const overHttp = (client: string, lanes: number) => atLoad(http, client, lanes)?.to.direct;
  const late = (part: typeof stdio | typeof http) => {
    const direct = part?.start.find(({ way }) => way === 'direct');
    return direct && through(part?.start)!.values.ms - direct.values.ms;
  };
  const scene = (begin: string) => reboot?.scenes.find((each) => each.scene.startsWith(begin));
  const beyondServer = (begin: string) =>
    reboot && scene(begin)!.blackoutMs.p50 - reboot.server.exitMs.p50 - reboot.server.startMs.p50;
  const full = sessions?.sessions === 1_000 ? sessions : undefined;
  const idle = (part: typeof stdio | typeof http) =>
    megabytes(part?.memory.find(({ way }) => way === 'segue')?.idle);
  return [
    judged('stdio to a bare pipe, p50 at 1, SDK client', { atMost: 1.05 }, '', overStdio('SDK', 1)?.p50Ms),
    judged('stdio to a bare pipe, p50 at 1, lean client', { atMost: 1.05 }, '', overStdio('lean', 1)?.p50Ms),
    judged(
      'stdio to a bare pipe, calls/s at 64, SDK client',
      { atLeast: 0.95 },
      '',
      overStdio('SDK', 64)?.perSecond,
    ),
    judged(
      'stdio to a bare pipe, calls/s at 64, lean client',
      { atLeast: 0.95 },
      '',
      overStdio('lean', 64)?.perSecond,
    ),
    judged('HTTP to direct, p50 at 1, SDK client', { atMost: 1 }, '', overHttp('SDK', 1)?.p50Ms),
    judged('HTTP to direct, calls/s at 64, SDK client', { atLeast: 1.1 }, '', overHttp('SDK', 64)?.perSecond),
    judged(
      'HTTP to direct, calls/s at 64, lean generator',
      { atLeast: 3 },
      '',
      overHttp('lean', 64)?.perSecond,
    ),
    judged('blackout beyond exit and start of the server, idle', { atMost: 15 }, 'ms', beyondServer('idle')),
    judged('blackout beyond exit and start of the server, busy', { atMost: 15 }, 'ms', beyondServer('busy')),
    judged('blackout of overlap, 64 in flight, p50', { atMost: 10 }, 'ms', handover?.overlap.blackoutMs.p50),
    judged('blackout of overlap, 64 in flight, p99', { atMost: 40 }, 'ms', handover?.overlap.blackoutMs.p99),
    judged('blackout after kill -9 with a spare, p50', { atMost: 15 }, 'ms', handover?.crash.blackoutMs.p50),
    judged('resident when idle, stdio', { atMost: 70 }, 'MB', idle(stdio)),
    judged('resident when idle, HTTP', { atMost: 70 }, 'MB', idle(http)),
    judged('resident for each idle HTTP session', { atMost: 20 }, 'kB', full && full.eachBytes / 1_000),
    judged('first answer later than directly, stdio', { atMost: 40 }, 'ms', late(stdio)),
    judged('first answer later than directly, HTTP', { atMost: 40 }, 'ms', late(http)),
  ];
}

/** "Floors, not goals": what the system before Segue promised. */
export function floors({ stdio, reboot, sessions, tasks }: Results): Judged[] {
  const busy = reboot?.scenes.find(({ scene }) => scene.startsWith('busy'));
  const hundred = tasks?.find((each) => each.tasks === 100);
  const calls = reboot?.scenes.reduce((sum, scene) => sum + scene.calls, 0);
  const failed = reboot?.scenes.reduce((sum, scene) => sum + scene.failed, 0);
  // The sizes are part of the promise: fewer, as with --quick, are no measurement of it.
  const full = sessions?.sessions === 1_000 && sessions.held === 5_000 ? sessions : undefined;
  return [
    judged('whole reboot, 64 in flight, longest', { atMost: 5_000 }, 'ms', busy?.wholeMs.max),
    judged('snapshot of 100 tasks, taken and saved', { atMost: 1_000 }, 'ms', hundred?.snapshot_ms),
    judged('1,000 sessions opened over HTTP', { atMost: 1_000 }, 'ms', full?.openedMs),
    judged('tools/list', { atMost: 100 }, 'ms', stdio?.segue.toolsMs),
    judged('restart_status', { atMost: 100 }, 'ms', stdio?.segue.statusMs),
    judged('5,000 requests of 50 sessions held', { atMost: 1_000 }, 'ms', full?.heldMs),
    judged('50 calls at once', { atMost: 1_000 }, 'ms', stdio?.segue.fiftyMs),
    judged('20 clients × 10 calls over a reboot, answered', { atLeast: 200 }, '', reboot?.over.answered),
    judged('memory grown over 5 reboots, 64 in flight', { atMost: 50 }, 'MB', megabytes(reboot?.grownBytes)),
    judged(
      'calls over all these reboots, answered',
      { atLeast: 99.5 },
      '%',
      reboot && 100 * (1 - failed! / calls!),
    ),
  ];
}

function megabytes(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 1_000_000;
}
