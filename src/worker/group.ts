import type { Env } from '../env.ts';
import { isSame, type ProcessRef } from './identity.ts';

export type EndSignal = 'SIGTERM' | 'SIGKILL';

/** A worker with all its descendants that did not leave the group (F8); setsid leaves it (F9). */
export interface ProcessGroup {
  /** Signals every member. True when it reached a living leader: then this signal may be why the leader ends. */
  send(signal: EndSignal): boolean;
  /** Ends what outlived the leader. To be called once, as soon as the leader's exit was seen. */
  sweep(): void;
}

/** The group that `leader` was started as (`detached`). Call nothing but `sweep` after the leader's exit was seen. */
export function processGroup(env: Env, leader: ProcessRef): ProcessGroup {
  function signalGroup(signal: EndSignal): void {
    try {
      env.kill(-leader.pid, signal);
    } catch {
      // EPERM: only zombies are left (macOS) or the worker changed its user. Only its exit can tell, and we wait for that.
    }
  }
  return {
    send(signal) {
      // A zombie's exit is on its way to us: it ended before this signal. Its descendants still get it.
      const alive = leader.startTime === '' || isSame(env, leader);
      signalGroup(signal);
      return alive;
    },
    sweep() {
      // The kernel gives nobody this pid while the group has a member: whoever has it now is a stranger (F10).
      if (env.process(leader.pid) === null) signalGroup('SIGKILL');
    },
  };
}
