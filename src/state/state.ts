/**
 * The supervisor's place on disk: made when its client means it, not before ("throw-away starts leave nothing behind",
 * design.md). Then dead instances of the same name are buried and the admin socket is opened.
 */
import type { Command } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { AdminServer } from '../control/admin-server.ts';
import type { Control } from '../control/types.ts';
import type { Env } from '../env.ts';
import type { Identity } from '../head-start.ts';
import type { Feed } from '../observe/feed.ts';
import type { Log } from '../observe/log.ts';
import { keySource } from '../serializer/key.ts';
import { VERSION } from '../version.ts';
import { adminSocketPath, type Environment } from './directory.ts';
import { supervisorMark } from './mark.ts';
import { placeOf } from './place.ts';
import { createStore, type Store } from './store.ts';

/**
 * To open a database takes the loop as long as all else of a start. A client has its first answers by then, or waits for
 * a server that starts more slowly. Who asks for what is in it, and a reboot, do not wait so long.
 */
const OPEN_AFTER_MS = 250;

export interface State {
  instance: string;
  name: string;
  command: Command;
  store: Store;
  /** For `SUPERVISOR_MARK`; null where no record will say how a worker has ended. */
  mark: string | null;
  /** Idempotent; returns at once. */
  commit(control: Control): void;
  close(how: string): Promise<void>;
}

/** @throws SegueError INVALID_PARAMETERS as `placeOf` does */
export function openState(options: {
  config: Config;
  environment: Environment;
  env: Env;
  log: Log;
  feed: Feed;
  /** Of another part of this program, which serves it; by default the supervisor's own. */
  adminSocket?: string | undefined;
  /** What its first worker was told already. */
  identity?: Identity | undefined;
}): State {
  const { config, environment, env, log, feed } = options;
  const { name, argv, command, directory } = placeOf(config, environment);
  const { instance, mark } = options.identity ?? {
    instance: env.uuid(),
    mark: config.persist ? supervisorMark(directory, env) : null,
  };
  const socketPath = options.adminSocket ?? adminSocketPath(instance, environment);
  const store = createStore({
    ...{ env, log, feed, name, instance, command: argv, cwd: command.cwd, version: VERSION, socketPath },
    directory,
    keySource: keySource(environment),
    persist: config.persist,
  });
  let admin: Promise<AdminServer | null> | null = null;
  let openNow = () => {};

  async function open(control: Control): Promise<AdminServer | null> {
    await store.open();
    await store.bury();
    if (options.adminSocket !== undefined) return null;
    try {
      const { startAdminServer } = await import('../control/admin-server.ts');
      return await startAdminServer({
        ...{ path: socketPath, control, log, feed, env },
        principal: { id: 'admin socket', role: 'operator' },
      });
    } catch (error) {
      log.error(
        { error: String(error) },
        'the admin socket could not be opened; segue status and reboot will not find this instance',
      );
      return null;
    }
  }

  return {
    instance,
    name,
    command,
    store,
    mark,
    commit(control) {
      if (admin !== null) return;
      store.openSoon();
      const opened = Promise.withResolvers<AdminServer | null>();
      admin = opened.promise;
      openNow = () => {
        cancel();
        opened.resolve(open(control));
        openNow = () => {};
      };
      const cancel = env.timer(OPEN_AFTER_MS, () => openNow());
    },
    async close(how) {
      if (admin === null) return;
      openNow(); // a short session is on record, too
      // The store first: it also ends an opening or a burial that waits for a lock.
      await Promise.all([store.close(how), admin.then((server) => server?.close())]);
    },
  };
}
