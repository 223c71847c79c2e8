/**
 * Keeps the admin socket reachable when the process runs out of file descriptors (F16). Without a free one the kernel
 * cannot hand us a new connection, and libuv drops it without a word. So a few are held back, and given up as soon as
 * no other can be opened.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Env } from '../env.ts';
import type { Log } from '../observe/log.ts';

const SPARE = 4;
const LOOK_EVERY_MS = 1_000;

export function holdSpareDescriptors(env: Env, log: Log): { release(): void } {
  let held: number[] = [];
  let exhausted = false;
  let cancel = () => {};

  const release = () => {
    for (const descriptor of held) closeSync(descriptor);
    held = [];
  };
  const look = () => {
    const room = open(SPARE + 1 - held.length);
    const enough = room.length === SPARE + 1 - held.length;
    if (enough) {
      // One more than we keep had to be free: else the spare ones would take the last.
      closeSync(room.pop()!);
      held.push(...room);
    } else {
      for (const descriptor of room) closeSync(descriptor);
      if (room.length === 0) release();
    }
    if (enough === exhausted) {
      exhausted = !enough;
      if (exhausted) log.error({}, 'file descriptors are nearly used up');
      else log.info({}, 'file descriptors are free again');
    }
    cancel = env.timer(LOOK_EVERY_MS, look, { unref: true });
  };
  look();
  return {
    release() {
      cancel();
      release();
    },
  };
}

/** As many as can be opened, at most `count`. */
function open(count: number): number[] {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(devNull, 'r'));
  } catch {
    // EMFILE or ENFILE: the caller sees how many it got
  }
  return opened;
}
