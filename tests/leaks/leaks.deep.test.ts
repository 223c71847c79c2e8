/** A supervisor that has rebooted its server a thousand times holds no more than one that has done it once. */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { expectFlat, print } from './expect.ts';
import { insightEnv, sampled } from './samples.ts';

/**
 * By how much a reboot may make each grow, over the 500 of the second half. What it leaves on the heap is nothing, but
 * the heap wavers by a megabyte. Resident memory says least: what the allocator keeps of the threads that export and
 * check the database still rises by some megabytes there. On disk a reboot's report and journal stay for 30 days.
 */
const BOUNDS = { heapBytes: 4_096, externalBytes: 8_192, rssBytes: 65_536, diskBytes: 8_192 };

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
  1_800_000,
);
