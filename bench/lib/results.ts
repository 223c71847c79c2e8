/** Everything that was measured; a part that was not asked for is missing. */
import type { HandoverMeasured } from '../handover.ts';
import type { HttpMeasured } from '../http.ts';
import type { RebootMeasured } from '../reboot.ts';
import type { SessionsMeasured } from '../sessions.ts';
import type { StdioMeasured } from '../stdio.ts';
import type { Measured as TasksMeasured } from '../tasks.ts';
import type { WatchMeasured } from '../watch.ts';

export interface Results {
  stdio?: StdioMeasured;
  http?: HttpMeasured;
  reboot?: RebootMeasured;
  handover?: HandoverMeasured;
  sessions?: SessionsMeasured;
  tasks?: TasksMeasured[];
  watch?: WatchMeasured;
}
