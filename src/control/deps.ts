/** What the operations work on. */
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import type { Lifecycle } from '../lifecycle/lifecycle.ts';
import type { Standby } from '../lifecycle/standby.ts';
import type { Connections } from '../session/connections.ts';
import type { Store } from '../state/store.ts';
import type { Windows } from '../triggers/windows.ts';
import type { Workers } from '../worker/workers.ts';

export interface ControlDeps {
  env: Env;
  config: Config;
  lifecycle: Lifecycle;
  standby: Standby;
  store: Store;
  workers: Workers;
  connections: Connections;
  instance: string;
  name: string;
  startedAt: number;
  windows: Windows;
}
