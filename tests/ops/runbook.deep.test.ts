/** The runbook: its commands are run against the faults that it is about, and print what it says. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { segue } from '../cli/cli.ts';
import { HttpPeer, type Service, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import { guide } from './guide.ts';

const runbook = guide('docs/runbook.md');
const { section, follow } = runbook;
const KEY = '5'.repeat(64);
const FAILING = worker('exits-at-start');

/** The service `files`, with one client. */
async function files(command = worker('echo'), set: Record<string, string | number> = {}, home = tempHome()) {
  const args = ['--name', 'files', '--isolation', 'shared'];
  const service = await startService({
    ...{ home, command, args },
    set: { 'timing.backoffBaseMs': 1, ...set },
  });
  const peer = new HttpPeer(service.url);
  await peer.open();
  return { home, service, peer };
}

async function ended(service: Service, signal: NodeJS.Signals): Promise<void> {
  service.kill(signal);
  await service.exited;
}

shows('M5', 'the service does not start', async () => {
  const home = tempHome();
  writeFileSync(join(home, 'segue.json'), '{ "name": "files", "comand": ["node"] }', { mode: 0o600 });
  const { codes, printed } = await follow('The service does not start', home);
  expect(codes).toEqual([2, 1]);
  expect(printed).toContain('"command"');
});

shows('M5', 'a server that cannot be started is seen, and started again when it is mended', async () => {
  const { home, service } = await files(FAILING);
  await service.logged(/"to":"failed"/);
  const [reset] = section('The state is failed or broken').commands.slice(-1);
  await follow(
    'The state is failed or broken',
    home,
    {},
    section('The state is failed or broken').commands.slice(0, -1),
  );
  expect((await segue(home, reset!)).code).toBe(7); // nothing is mended yet
  expect((await segue(home, ['reboot', 'files'], { command: worker('echo') })).code).toBe(0);
});

shows('M5', 'a new command that does not start is seen, with its cause', async () => {
  const { home } = await files();
  expect((await segue(home, ['reboot', 'files'], { command: FAILING })).code).toBe(7);
  const { printed } = await follow('A reboot fails or is rolled back', home);
  expect(printed).toContain('alive.idle');
});

shows('M5', 'a call whose outcome is unknown is seen in the history', async () => {
  const { home, peer, service } = await files(worker('crash-on-call'));
  const { tools } = (await (await peer.post({ id: 't', method: 'tools/list' })).answer('t')).result as {
    tools: { name: string; annotations?: { readOnlyHint?: boolean; idempotentHint?: boolean } }[];
  };
  const unsafe = tools.find(
    ({ name, annotations: a }) => !name.startsWith('orchestrator_') && !a?.readOnlyHint && !a?.idempotentHint,
  )!;
  const answer = await peer.call(unsafe.name);
  expect(JSON.stringify(answer)).toContain('OUTCOME_UNKNOWN');
  await service.logged(/"to":"alive\.idle".*"reboot":"/);
  await follow('Clients are told "outcome unknown"', home);
});

shows('M5', 'how long calls had to wait', async () => {
  const { home } = await files();
  await segue(home, ['reboot', 'files']);
  await follow('Requests expire', home);
});

shows('M5', 'a store that is locked is seen', async () => {
  const { home, service, peer } = await files();
  const lock = new BetterSqlite3(join(home, 'state/segue/files/segue.1.db'));
  onTestFinished(() => void lock.close());
  lock.exec('begin immediate');
  await peer.call('orchestrator_restart_server');
  await new HttpPeer(service.url).open();
  await service.logged(/degraded|not saved|cannot be (saved|written)/i);
  await follow('The store is degraded', home);
});

shows('M5', 'a damaged database is named', async () => {
  const { home, service } = await files();
  await ended(service, 'SIGTERM');
  const path = join(home, 'state/segue/files/segue.1.db');
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true });
  writeFileSync(path, Buffer.alloc(8192));
  const { codes } = await follow('The database was damaged', home);
  expect(codes.at(-1)).toBe(6);
});

shows('M5', 'a key that is lost is named', async () => {
  const { home, service } = await files();
  await segue(home, ['reboot', 'files']);
  await ended(service, 'SIGTERM');
  await follow('The key is lost', home, { SEGUE_KEY: KEY });
});

shows('M5', 'a backup is made while it runs, and put back when it does not', async () => {
  const { home, service } = await files();
  await segue(home, ['reboot', 'files']);
  const heading = 'Restore from a backup';
  const [backup, restore, verify] = section(heading).commands as [string[], string[], string[]];
  expect((await segue(home, backup)).code).toBe(0);
  const refused = await segue(home, restore);
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('end it first')]);
  await ended(service, 'SIGTERM');
  const { codes } = await follow(heading, home, {}, [restore, verify]);
  expect(codes).toEqual([0, 0]);
});

shows('M5', 'memory stands in the status, and a reboot brings the next generation', async () => {
  const { home } = await files();
  expect((await follow('Memory grows', home)).codes).toEqual([0, 0]);
});

shows('M5', 'a server with a call that does not end is replaced at once', async () => {
  const { home, peer } = await files();
  void peer.post({ id: 'hangs', method: 'tools/call', params: { name: 'slow', arguments: { ms: 1e8 } } });
  expect((await follow('A server hangs', home)).codes).toEqual([0, 0]);
});

shows('M5 F17', 'a Segue that was killed is named until the next start clears up', async () => {
  const { home, service } = await files();
  await segue(home, ['reboot', 'files']); // from here on it is on record
  await ended(service, 'SIGKILL');
  await follow('Segue itself hangs', home);
  await follow('A socket or a process is left over', home);
  const next = await files(worker('echo'), {}, home);
  await next.service.logged(/an earlier supervisor of this name died/);
  expect((await segue(home, ['doctor'])).stdout).not.toContain('died without a word');
  await ended(next.service, 'SIGTERM');
});

shows('M5', 'the sessions that are there after a reboot', async () => {
  const { home } = await files();
  await segue(home, ['reboot', 'files']);
  expect((await follow('A client does not come back', home)).printed).toContain('sessions   1');
});

shows('M5', 'tokens are listed, added and removed', async () => {
  const home = tempHome();
  writeFileSync(join(home, 'segue.json'), '{ "name": "files" }', { mode: 0o600 });
  expect((await follow('401, 403, 429 or 503', home)).codes).toEqual([0, 0, 0]);
});

it('every section with commands was followed here', () => {
  const followed = [
    'The service does not start',
    'The state is failed or broken',
    'A reboot fails or is rolled back',
    'Clients are told "outcome unknown"',
    'Requests expire',
    'The store is degraded',
    'The database was damaged',
    'The key is lost',
    'Restore from a backup',
    'Memory grows',
    'A server hangs',
    'Segue itself hangs',
    'A client does not come back',
    '401, 403, 429 or 503',
    'A socket or a process is left over',
  ];
  expect(
    runbook.sections.filter(({ commands }) => commands.length > 0).map(({ heading }) => heading),
  ).toEqual(followed);
});
