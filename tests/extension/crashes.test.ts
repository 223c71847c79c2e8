/** What is left of a server that dies with its memory: its last checkpoint, if it wanted any, and never more than that. */
import { expect, onTestFinished } from 'vitest';
import { connectReadOnly } from '../../db/database.ts';
import { systemEnv } from '../../src/env.ts';
import { keySource, loadKey } from '../../src/serializer/key.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { unpackSnapshot } from '../../src/serializer/snapshot.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { environmentOf } from '../support/launch.ts';
import { history, restart, started } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { type Counting, counting } from './counting.ts';

const OFTEN = { checkpoint_interval_ms: 1 }; // Segue makes it a second

/** Resolves when a checkpoint is through that was asked for after this moment. */
async function checkpointed(counter: Counting): Promise<void> {
  const questions = () => counter.asked().filter(({ method }) => method === 'reboot/serialize').length;
  const taken = () => counter.stderr().split('checkpoint taken').length - 1;
  const wanted = questions() + 1;
  await counter.whenAsked(() => questions() >= wanted);
  while (taken() < wanted) await counter.logged(/checkpoint taken/);
}

async function crash(counter: Counting): Promise<void> {
  process.kill(await started(counter), 'SIGKILL');
}

shows('C4 A3', 'a crash gives back the last checkpoint, and says how old it is', async () => {
  const counter = await counting({ declares: OFTEN });
  await counter.add(5);
  await checkpointed(counter);
  await crash(counter);
  expect(await counter.count()).toBe('5');
  const [report] = await history(counter.client);
  expect(report).toMatchObject({
    trigger: 'crash',
    success: true,
    worker_state: { restored: true, age_s: expect.any(Number) },
  });
  expect(report!.worker_state!.detail).toBe('The state of generation 1, from a checkpoint.');
  // The next one has a checkpoint of its own, so that a second crash loses no more than the first.
  await counter.add(1);
  await checkpointed(counter);
  await crash(counter);
  expect(await counter.count()).toBe('6');
});

shows('C4', 'a reboot that asks for nothing gives back the last checkpoint, too', async () => {
  const counter = await counting({ declares: OFTEN });
  await counter.add(5);
  await checkpointed(counter);
  const report = await restart(counter.client, { graceful: false });
  expect(report).toMatchObject({ success: true, worker_state: { restored: true } });
  const inReboot = counter.asked().filter(({ params }) => params.reboot_id === report.reboot_id);
  expect(inReboot).toMatchObject([{ method: 'reboot/restore', generation: 2 }]);
  expect(await counter.count()).toBe('5');
});

shows('C4', 'without a checkpoint a crash gives back nothing, and that is said', async () => {
  const counter = await counting();
  await counter.add(5);
  await restart(counter.client);
  await started(counter);
  expect(await counter.count()).toBe('5');
  await crash(counter); // of generation 2: what generation 1 gave is not its state
  expect(await counter.count()).toBe('0');
  const [report] = await history(counter.client);
  expect(report).toMatchObject({
    trigger: 'crash',
    success: true,
    worker_state: { restored: false, saved_at: expect.any(String), age_s: expect.any(Number) },
  });
  expect(report!.worker_state!.detail).toMatch(/no state of generation 2.*generation 1 and was not used/);
});

shows('A3', 'a checkpoint stands on disk, sealed, as one snapshot however many were taken', async () => {
  const counter = await counting({ args: ['--name', 'counter'], declares: OFTEN });
  await counter.add(4_815_162_342);
  await checkpointed(counter);
  await checkpointed(counter);
  const environment = environmentOf(counter.home);
  const db = connectReadOnly(databaseFile(stateDirectory('counter', environment)));
  onTestFinished(() => db.close());
  const [instance] = db.instances.unended();
  const [id, ...more] = db.snapshots.idsOf(instance!.id);
  expect(more).toEqual([]);
  const { sealed, sha256 } = db.snapshots.get(id!)!;
  expect(sealed.includes('4815162342')).toBe(false);
  const seal = createSeal(await loadKey(keySource(environment), systemEnv), systemEnv);
  expect(unpackSnapshot(seal.open(sealed, `snapshot/${instance!.id}/${id}`), sha256)).toMatchObject({
    reboot_id: 'checkpoint',
    generation: 1,
    worker_state: { state: { count: 4_815_162_342 } },
  });
});
