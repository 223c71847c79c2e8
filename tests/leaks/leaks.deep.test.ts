/** A supervisor that has rebooted its server a thousand times holds no more than one that has done it once. */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { expectFlat, print } from './expect.ts';
import { insightEnv, sampled } from './samples.ts';

/**
 * By how much a reboot may make each grow. What it leaves in memory is nothing; but the heap wavers by a megabyte, and
 * the resident memory by ten, which over the 500 reboots of the second half is what these allow. A server that is still
 * held has 64 KiB for its stderr alone. On disk its report and its journal stay for 30 days.
 */
const BOUNDS = { heapBytes: 4_096, externalBytes: 8_192, rssBytes: 32_768, diskBytes: 8_192 };

shows(
  'G3 G4',
  'a thousand reboots: memory, descriptors, children and listeners are what they were',
  async () => {
    const home = tempHome();
    const running = serve({ home, command: worker('echo'), env: insightEnv(home) });
    const { client } = running;
    await client.initialize();
    const admin = await adminOf(running);
    const samples = await sampled(running, 1000, 50, async (n) => {
      expect((await admin.request('restart')).success).toBe(true);
      expect(textOf(await client.call('echo', { text: `${n}` }))).toBe(`${n}`);
    });
    print('reboot', samples);
    expectFlat(samples, BOUNDS);
    client.expectOneAnswerEach();
    expect(running.stderr()).not.toMatch(/MaxListenersExceeded|Warning:/);
  },
  900_000,
);
