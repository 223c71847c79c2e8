/** Faults of the machine below a supervisor, which pass after a while: clock, disk and descriptors. */
import type { AdminClient } from '../../src/control/admin-client.ts';
import type { Segue } from './process.ts';
import { type Stage, type Strike, tolerant } from './scene.ts';

const HOUR_MS = 3_600_000;
const TROUBLED_CALLS = 40;

export interface Troubled {
  segue: Segue;
  admin: AdminClient;
}

interface Fault {
  weight: number;
  begin(segue: Segue, stage: Stage): Promise<void>;
  end(segue: Segue): Promise<void>;
}

const FAULTS: Record<string, Fault> = {
  'clock jumps': {
    weight: 2,
    begin: (segue, { random }) => segue.trouble({ clockMs: random.next() < 0.5 ? HOUR_MS : -HOUR_MS }),
    end: (segue) => segue.trouble({ clockMs: 0 }),
  },
  'disk full': {
    weight: 1,
    begin: (segue) => segue.trouble({ diskFull: true }),
    end: (segue) => segue.trouble({ diskFull: false }),
  },
  'descriptors exhausted': {
    weight: 1,
    begin: (segue) => segue.mayOpen(false),
    end: (segue) => segue.mayOpen(true),
  },
};

export const TROUBLES: readonly string[] = Object.keys(FAULTS);

/** Each meets a reboot; what that left broken, another one mends when all is well again. */
export function troubles<Place>(
  stageOf: (place: Place) => Stage,
  lifeOf: (place: Place) => Troubled | Promise<Troubled>,
): Record<string, { weight: number; strike(place: Place): Strike }> {
  const entries = Object.entries(FAULTS).map(([name, { weight, begin, end }]) => {
    const strike = (place: Place) => async () => {
      const stage = stageOf(place);
      const { segue, admin } = await lifeOf(place);
      await tolerant(begin(segue, stage)); // it may be killed just now
      const { promise: over, resolve } = Promise.withResolvers<void>();
      stage.after(TROUBLED_CALLS, resolve);
      await tolerant(admin.request('restart', {}));
      await over;
      await tolerant(end(segue));
      await tolerant(admin.request('restart', {}));
    };
    return [name, { weight, strike }];
  });
  return Object.fromEntries(entries);
}
