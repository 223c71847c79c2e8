import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createActor } from 'xstate';
import { pack } from '../../machines/persist.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { systemEnv } from '../../src/env.ts';
import { isLive } from '../../src/state/live.ts';
import { supervisorMark } from '../../src/state/mark.ts';
import { anInput } from '../machines/model.ts';
import { isAlive, killAll, processesWith } from '../support/processes.ts';
import { shows } from '../support/shows.ts';
import { program, type Room, raw, room } from './rooms.ts';

interface Family {
  recorded: number;
  grandchild: number;
  unrecorded: number;
  rebootId: string;
}

/** A supervisor as a process of its own, with a recorded worker and one that it had no time to record. */
async function supervisor({ home }: Room, instance: string = systemEnv.uuid()) {
  const running = program(new URL('./fixtures/supervisor.ts', import.meta.url), { home, instance });
  const family = (await running.next()) as unknown as Family;
  const pids = [family.recorded, family.grandchild, family.unrecorded];
  onTestFinished(() => killAll(pids.filter(isAlive)));
  return { ...running, ...family, instance, pids };
}

/** A living process that has nothing to do with Segue. */
function bystander(environment: Record<string, string> = {}) {
  const child = spawn('sleep', ['3600'], { detached: true, env: { ...process.env, ...environment } });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: child.pid!, startTime: systemEnv.process(child.pid!)!.startTime };
}

const insertInstance = `insert into instances
  (id, name, pid, start_time, boot_id, socket_path, command, cwd, version, started_at)
  values (?, 'echo', ?, ?, ?, '', '[]', '/', '0.1.0', 1)`;
const insertWorker = `insert into workers (instance, generation, pid, start_time, boot_id, started_at)
  values (?, 1, ?, ?, ?, 1)`;

const NOBODY = { instances: [], orphansEnded: [], rebootsAbandoned: [], statesLost: [] };

describe('burying', () => {
  shows('F11 F5', 'ends the workers of a killed supervisor, recorded or not, with their groups', async () => {
    const place = room();
    const dead = await supervisor(place);
    await dead.kill();
    expect(dead.pids.map(isAlive)).toEqual([true, true, true]);
    const store = place.store();
    await store.open();
    const burial = await store.bury();
    expect(dead.pids.map(isAlive)).toEqual([false, false, false]);
    expect(burial.instances).toEqual([dead.instance]);
    expect(burial.orphansEnded.sort()).toEqual([dead.recorded, dead.unrecorded].sort());
    expect(await store.bury()).toEqual(NOBODY);
    const how = raw(place.file, (db) =>
      db.prepare('select how from instances order by started_at').pluck().all(),
    );
    expect(how).toEqual(['died', null]);
  });

  shows('F11 F43', 'also one that was stopped while it held the lock of the database', async () => {
    const place = room();
    const dead = await supervisor(place);
    const locker = new URL('../db/fixtures/locks.ts', import.meta.url);
    const holder = program(locker, place.file, { SEGUE_WORKER: `${dead.instance}/3` });
    holder.say('lock');
    await holder.next();
    holder.child.kill('SIGSTOP');
    await dead.kill();
    const store = place.store();
    await store.open();
    expect(store.status.state).toBe('ready');
    expect([...dead.pids, holder.pid].map(isAlive)).toEqual([false, false, false, false]);
    expect((await store.bury()).instances).toEqual([dead.instance]);
  });

  shows('F43', 'leaves a living process that holds the lock alone', async () => {
    const place = room();
    const dead = await supervisor(place);
    const holder = program(new URL('../db/fixtures/locks.ts', import.meta.url), place.file);
    holder.say('lock');
    await holder.next();
    await dead.kill();
    const store = place.store();
    await store.open();
    expect(store.status).toMatchObject({ state: 'degraded', reason: expect.stringContaining('lock') });
    expect(isAlive(holder.pid)).toBe(true);
  });

  shows('F5 F6', 'marks its running reboot as abandoned, at its last sign of life', async () => {
    const place = room();
    const dead = await supervisor(place);
    await dead.kill();
    const store = place.store();
    await store.open();
    expect((await store.bury()).rebootsAbandoned).toEqual([dead.rebootId]);
    expect(await store.findReport(dead.rebootId)).toMatchObject({
      success: false,
      outcome: 'abandoned',
      completed_at: '2026-01-02T03:04:07.000Z',
      duration_ms: 2000,
      phases: [{ outcome: 'done' }, { outcome: 'aborted' }],
      errors: [{ code: 'PROCESS_FAILED', phase: 'spawn' }],
      stderr_tail: 'its last words',
      recovery: { died_in: null, orphans_ended: expect.arrayContaining([dead.recorded, dead.unrecorded]) },
    });
  });

  shows('F5 F48', 'says in which state it died, or why that is not to be trusted', async () => {
    const place = room();
    const machines = {
      known: pack(createActor(rebootMachine, { input: anInput() }).start().getPersistedSnapshot(), 1),
      cut: { format: 'segue-snapshot', machine: 'reboot', schema: 1, savedAt: 1, snapshot: {} },
    };
    for (const [instance, machine] of Object.entries(machines)) {
      const dead = await supervisor(place, instance);
      await dead.kill();
      raw(place.file, (db) =>
        db.prepare('update instances set machine = ? where id = ?').run(JSON.stringify(machine), instance),
      );
    }
    const store = place.store();
    await store.open();
    await store.bury();
    const recoveryOf = async (instance: string) =>
      (await store.findReport(`reboot of ${instance}`))?.recovery;
    expect(await recoveryOf('known')).toMatchObject({ died_in: 'starting.spawn' });
    expect(await recoveryOf('cut')).toMatchObject({
      died_in: null,
      refused: expect.stringMatching(/status/),
    });
    const audit = raw(place.file, (db) =>
      db.prepare(`select detail from audit where action = 'burial'`).pluck().all(),
    );
    expect(audit).toHaveLength(2);
  });

  shows('F10 F49', 'never touches a living instance, nor its workers', async () => {
    const place = room();
    const [dead, alive] = await Promise.all([supervisor(place), supervisor(place)]);
    await dead.kill();
    const store = place.store();
    await store.open();
    expect((await store.bury()).instances).toEqual([dead.instance]);
    expect(alive.pids.map(isAlive)).toEqual([true, true, true]);
    expect((await store.findReport(alive.rebootId))?.outcome).toBe('completed');
    expect(await store.health()).toMatchObject({ connections_open: 2 });
  });

  shows('F10', 'takes a reused pid neither for the instance nor for its worker', async () => {
    const place = room();
    const store = place.store();
    await store.open();
    const [one, two, three] = [bystander(), bystander(), bystander()];
    const bootId = systemEnv.bootId();
    raw(place.file, (db) => {
      // The pid of the dead supervisor now belongs to `one`, that of its worker to `two`; `three` lived before a boot.
      db.prepare(insertInstance).run('replaced', one.pid, '1', bootId);
      db.prepare(insertWorker).run('replaced', two.pid, '1', bootId);
      db.prepare(insertInstance).run('of another boot', three.pid, three.startTime, 'another boot');
      db.prepare(insertWorker).run('of another boot', three.pid, three.startTime, 'another boot');
    });
    const burial = await store.bury();
    expect(burial.instances.sort()).toEqual(['of another boot', 'replaced']);
    expect(burial.orphansEnded).toEqual([]);
    expect([one, two, three].map(({ pid }) => isAlive(pid))).toEqual([true, true, true]);
  });

  shows('F11', 'finds by its mark only what the dead instance has started', async () => {
    const place = room();
    const [dead, next] = [systemEnv.uuid(), systemEnv.uuid()];
    const store = place.store({ instance: next });
    await store.open();
    const orphan = bystander({ SEGUE_WORKER: `${dead}/7` });
    const others = [
      bystander({ SEGUE_WORKER: `${dead}2/7` }),
      bystander({ SEGUE_WORKER: `${next}/1` }),
      bystander({ OTHER: `SEGUE_WORKER=${dead}/7`, MY_SEGUE_WORKER: `${dead}/7` }),
    ];
    raw(place.file, (db) => db.prepare(insertInstance).run(dead, 999_999_999, '1', systemEnv.bootId()));
    expect((await store.bury()).orphansEnded).toEqual([orphan.pid]);
    expect(others.map(({ pid }) => isAlive(pid))).toEqual([true, true, true]);
  });

  shows(
    'F45',
    'asks the processes, not the rows: a worker whose row is gone or says nothing of its end',
    async () => {
      const place = room();
      const store = place.store();
      await store.open();
      const state = dirname(place.file);
      // Its supervisor is dead: the pid of this process, with another start time.
      const deadMark = supervisorMark(state, { ...systemEnv, process: () => null });
      const worker = (instance: string, mark: string, generation = 1) =>
        bystander({ SEGUE_WORKER: `${instance}/${generation}`, SEGUE_SUPERVISOR: mark });
      const [gone, ended, left, mine, others, old] = [1, 2, 3, 4, 5, 6].map(() => systemEnv.uuid()) as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      raw(place.file, (db) => {
        for (const id of [ended, left]) db.prepare(insertInstance).run(id, 1, '1', 'another boot');
        db.exec(`update instances set ended_at = 2, how = 'eof' where boot_id = 'another boot'`);
        db.prepare(insertWorker).run(left, 1, '1', 'another boot');
        db.exec('update workers set exited_at = 2');
      });
      const orphans = [worker(gone, deadMark), worker(ended, deadMark)];
      const spared = [
        worker(left, deadMark), // its exit was seen: it has left its group (F9)
        worker(mine, supervisorMark(state, systemEnv)),
        // Older than any record: whether it was left on purpose is not known any more.
        worker(
          old,
          supervisorMark(state, {
            ...systemEnv,
            process: () => null,
            now: () => systemEnv.now() - 31 * 86_400_000,
          }),
        ),
        worker(others, supervisorMark('/another/state/files', { ...systemEnv, process: () => null })),
      ];
      const burial = await store.bury();
      expect(burial.orphansEnded.sort()).toEqual(orphans.map(({ pid }) => pid).sort());
      expect(spared.map(({ pid }) => isAlive(pid))).toEqual([true, true, true, true]);
    },
  );

  shows('F49', 'is done by two at the same moment without harm', async () => {
    const place = room();
    const dead = await supervisor(place);
    await dead.kill();
    const stores = [place.store(), place.store()];
    await Promise.all(stores.map((store) => store.open()));
    const burials = await Promise.all(stores.map((store) => store.bury()));
    expect(dead.pids.map(isAlive)).toEqual([false, false, false]);
    expect(burials.flatMap(({ rebootsAbandoned }) => rebootsAbandoned)).toEqual([dead.rebootId]);
    const [report] = await stores[0]!.history(1);
    expect(report?.errors).toHaveLength(1);
  });

  it('of a store that keeps nothing does nothing', async () => {
    const store = room().store({ persist: false });
    await store.open();
    expect(await store.bury()).toEqual(NOBODY);
  });
});

describe('a recorded process', () => {
  const bootId = systemEnv.bootId();

  shows('F10', 'lives only with its start time, in its boot, and when it is no zombie', async () => {
    const { pid, startTime } = bystander();
    expect(isLive(systemEnv, { pid, startTime, bootId })).toBe(true);
    expect(isLive(systemEnv, { pid, startTime: `${startTime}0`, bootId })).toBe(false);
    expect(isLive(systemEnv, { pid, startTime, bootId: 'other' })).toBe(false);
    expect(isLive(systemEnv, { pid: 999_999_999, startTime, bootId })).toBe(false);
    // `cat` takes the shell's place and never waits for the child that it inherits.
    const mark = `ZOMBIE_OF=${pid}`;
    const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec cat'], {
      env: { ...process.env, ZOMBIE_OF: String(pid) },
    });
    onTestFinished(() => killAll(processesWith(mark)));
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    parent.stdin.write('cat is here\n');
    await once(parent.stdout, 'data');
    systemEnv.kill(zombie, 'SIGKILL');
    while (!systemEnv.process(zombie)?.zombie) await new Promise(setImmediate);
    const facts = systemEnv.process(zombie)!;
    expect(isLive(systemEnv, { ...facts, bootId })).toBe(false);
  });

  it('counts as alive without /proc while any process has its pid: it is never signalled', () => {
    const { pid } = bystander();
    const env = { ...systemEnv, process: () => null, bootId: () => '' };
    expect(isLive(env, { pid, startTime: '', bootId: '' })).toBe(true);
    expect(isLive(env, { pid: 999_999_999, startTime: '', bootId: '' })).toBe(false);
  });
});
