import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { listInstances, listNames, openHistory } from '../../src/state/instances.ts';
import { shows } from '../support/shows.ts';
import { report } from './reports.ts';
import { NAME, program, room } from './rooms.ts';

describe('the list of instances', () => {
  it('is empty where Segue never ran, and leaves nothing behind', async () => {
    const { home, environment } = room();
    expect(await listInstances(environment)).toEqual([]);
    expect(await listNames(environment)).toEqual([]);
    expect(existsSync(`${home}/segue`)).toBe(false);
  });

  it('names those of all names that have not ended, and tells the dead from the living', async () => {
    const place = room();
    const { environment, home } = place;
    const other = place.store({
      name: 'other',
      instance: 'o',
      directory: stateDirectory('other', environment),
    });
    const [alive, ended] = [place.store({ instance: 'alive' }), place.store({ instance: 'ended' })];
    await Promise.all([other.open(), alive.open(), ended.open()]);
    await ended.close('eof');
    const file = new URL('./fixtures/supervisor.ts', import.meta.url);
    const instance = systemEnv.uuid();
    const dead = program(file, { home, instance });
    await dead.next();
    await dead.kill();
    const list = await listInstances(environment);
    expect(Object.fromEntries(list.map((each) => [each.instance, each.alive]))).toEqual({
      o: true,
      alive: true,
      [instance]: false,
    });
    expect(list[0]).toMatchObject({
      name: NAME,
      instance,
      pid: dead.pid,
      socketPath: `/run/segue/${instance}.sock`,
      command: ['node', 'echo.mjs'],
      cwd: '/srv',
    });
    expect(await listNames(environment)).toEqual([NAME, 'other']);
    await alive.bury();
  });

  it('leaves out a database that cannot be read, and says so', async () => {
    const place = room();
    const store = place.store({ instance: 'good' });
    await store.open();
    const damaged = databaseFile(stateDirectory('damaged', place.environment));
    mkdirSync(dirname(damaged));
    writeFileSync(damaged, 'no database '.repeat(1000));
    const unreadable: unknown[] = [];
    const list = await listInstances(place.environment, (name, error) => unreadable.push([name, error.code]));
    expect(list.map((each) => each.instance)).toEqual(['good']);
    expect(unreadable).toEqual([['damaged', 'STATE_CORRUPTION']]);
  });
});

describe('the history of a name', () => {
  shows('M3', 'is read without a running instance, and nothing is written', async () => {
    const place = room();
    const store = place.store();
    await store.open();
    const started_at = new Date().toISOString(); // the end of an instance purges what is old
    await store.report(report('r-1', { started_at, stderr_tail: 'last words' }));
    await store.close('eof');
    const before = readFileSync(place.file);
    const history = await openHistory(NAME, place.environment);
    expect(history.history(10)).toMatchObject([{ reboot_id: 'r-1', stderr_tail: 'last words' }]);
    expect(history.findReport('r-')).toMatchObject({ reboot_id: 'r-1' });
    expect(history.stats()).toMatchObject({ total: 1, successRate: 1 });
    history.close();
    expect(readFileSync(place.file).equals(before)).toBe(true);
  });

  shows('F61', 'lacks the stderr tails without the key', async () => {
    const place = room();
    const store = place.store();
    await store.open();
    await store.report(report('r-1', { stderr_tail: 'last words' }));
    rmSync(`${place.home}/segue/key`);
    const history = await openHistory(NAME, place.environment);
    expect(history.findReport('r-1')).toMatchObject({ reboot_id: 'r-1' });
    expect(history.findReport('r-1')).not.toHaveProperty('stderr_tail');
    history.close();
    expect(existsSync(`${place.home}/segue/key`)).toBe(false);
  });

  it('of a name that nobody has used is refused', async () => {
    const { environment } = room();
    await expect(openHistory('nobody', environment)).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
    await expect(openHistory('../x', environment)).rejects.toMatchObject({ code: 'INVALID_PARAMETERS' });
  });
});
