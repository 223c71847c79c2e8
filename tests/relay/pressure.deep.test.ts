/** Somebody does not read: Segue holds back whoever writes, in bounded memory, and stays within reach (F22–F25). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import type { AdminClient } from '../../src/control/admin-client.ts';
import { segueLaunch, worker } from '../support/launch.ts';
import { RawClient, textOf } from '../support/raw-client.ts';
import { adminOf, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const MIB = 1 << 20;
/** What a Segue may grow by while something of hundreds of MiB does not move: pipes, two high-water marks, garbage. */
const BOUND_BYTES = 60 * MIB;

/** The most memory that a process ever had (Linux). */
function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

async function greeted(name: string, set: Record<string, number> = {}) {
  const segue = serve({ command: worker(name), set });
  await segue.client.initialize();
  await segue.client.request('tools/list');
  return { ...segue, admin: await adminOf(segue), before: peakBytes(segue.pid) };
}

/** Each question takes the loop of Segue at least one turn, in which it could read and keep 64 KiB more. */
async function manyTurns(admin: AdminClient): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) await admin.request('info');
}

const generationOf = async (admin: AdminClient) => (await admin.request('status')).current_status.generation;

describe('a client that does not read', () => {
  shows('F25 F21', 'holds back its server, not the operator; then it gets every byte', async () => {
    const { client, stdout, admin, pid, before } = await greeted('fountain');
    stdout.pause();
    const poured = client.call('pour', { bytes: 120 * MIB });
    await manyTurns(admin);
    expect(peakBytes(pid) - before).toBeLessThan(BOUND_BYTES);
    stdout.resume();
    expect(textOf(await poured)).toBe('poured');
    expect(client.messages.filter(({ params }) => params?.level === 'info')).toHaveLength(120 * 16);
    expect(peakBytes(pid) - before).toBeLessThan(BOUND_BYTES);
    client.expectOneAnswerEach();
  });

  shows('F25', 'does not hold up a reboot, and is served by the new worker when it reads again', async () => {
    const { client, stdout, admin } = await greeted('fountain', { 'timing.drainMs': 100 });
    stdout.pause();
    const poured = client.call('pour', { bytes: 50 * MIB });
    await manyTurns(admin);
    expect(await admin.request('restart')).toMatchObject({ success: true, requests: { repeated: 1 } });
    expect(await generationOf(admin)).toBe(2);
    stdout.resume();
    expect(textOf(await poured)).toBe('poured');
    client.expectOneAnswerEach();
  });

  shows('F25', 'does not keep Segue from ending when it is told to', async () => {
    const { client, stdout, admin, kill, exited, family } = await greeted('fountain');
    stdout.pause();
    client.call('pour', { bytes: 50 * MIB }).catch(() => {}); // nobody answers it any more
    await manyTurns(admin);
    kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(family()).toEqual([]);
  });
});

describe('a worker that does not read', () => {
  for (const [what, message] of [
    ['requests', { id: 'n', method: 'tools/call', params: { name: 'echo', arguments: {} } }],
    ['notifications', { method: 'notifications/x-vendor', params: {} }],
  ] as const) {
    shows('F24', `holds back its client's ${what}, and a reboot ends that`, async () => {
      const { client, stdin, admin, pid, before } = await greeted('not-reading', {
        'timing.writeMs': 100_000,
        'timing.drainMs': 100,
      });
      await client.call('deaf');
      const ids = Array.from({ length: 100 }, (_, index) => `${index}`);
      for (const id of ids) {
        const params = { ...message.params, padding: 'x'.repeat(MIB) };
        client.send({ ...message, ...('id' in message && { id }), params });
      }
      await manyTurns(admin);
      expect(peakBytes(pid) - before).toBeLessThan(BOUND_BYTES);
      expect(stdin.writableNeedDrain).toBe(true);
      const drained = once(stdin, 'drain');
      expect(await admin.request('restart')).toMatchObject({ success: true });
      await drained;
      expect(textOf(await client.call('echo', { text: 'four' }))).toBe('4');
      client.expectOneAnswerEach({ except: ids });
      if ('id' in message) for (const id of ids) expect(client.answersTo(id)).toHaveLength(1);
    });
  }
});

shows('F22', 'a line without an end is skipped as it comes: memory stays bounded', async () => {
  const { client, pid, before, admin } = await greeted('endless-line', { 'limits.maxLineBytes': 4 * MIB });
  expect((await client.call('pour')).error?.data?.code).toBe('OUTCOME_UNKNOWN');
  expect(textOf(await client.call('echo', { text: 'again' }))).toBe('again');
  expect(await generationOf(admin)).toBe(2);
  expect(peakBytes(pid) - before).toBeLessThan(BOUND_BYTES);
});

shows('F23', 'a flood on stderr is drained though nobody reads the stderr of Segue', async () => {
  const { command, args, env, cwd } = segueLaunch({ command: worker('stderr-flood') });
  const child = spawn(command, args, { env, cwd, stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const client = new RawClient(child.stdin, child.stdout); // stderr: a full pipe that nobody empties
  await client.initialize();
  expect(textOf(await client.call('flood', { lines: 20_000 }))).toBe('flooded');
  expect((await client.call('orchestrator_restart_server')).result).toMatchObject({
    structuredContent: { success: true },
  });
  expect(textOf(await client.call('flood', { lines: 20_000 }))).toBe('flooded');
  const ended = once(child, 'exit');
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
});
