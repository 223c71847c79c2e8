/** `segue serve` with a worker a session, steered by the commands of its operator. */
import { expect, it } from 'vitest';
import { segue } from '../cli/cli.ts';
import { HttpPeer, type Service, startService } from '../support/http.ts';
import { worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf } from '../support/restarts.ts';

const NAME = 'many';

async function start(set: Record<string, string | number> = {}): Promise<Service> {
  const args = ['--name', NAME, '--isolation', 'session'];
  return startService({ command: worker('echo'), args, set: { 'http.rebootParallel': 2, ...set } });
}

async function enter({ url }: Service): Promise<HttpPeer> {
  const peer = new HttpPeer(url);
  await peer.open();
  return peer;
}

const whoami = async (peer: HttpPeer) =>
  JSON.parse(textOf(await peer.call('whoami'))) as { pid: number; generation: number; cwd: string };
const generations = async (peers: HttpPeer[]) =>
  (await Promise.all(peers.map(whoami))).map(({ generation }) => generation);

it('segue status and segue reboot mean all workers; a command that fails in the first ones reaches no other', async () => {
  const service = await start();
  const peers = [await enter(service), await enter(service), await enter(service)];
  const before = await Promise.all(peers.map(whoami));
  expect(new Set(before.map(({ pid }) => pid)).size).toBe(3);

  const status = await segue(service.home, ['status', NAME]);
  expect(status.stdout).toMatch(/\nservers {4}3\n( {2}\w{8} {2}alive\.idle {2}open, generation 1\n){3}/);

  const listed = JSON.parse((await segue(service.home, ['list', '--json'])).stdout) as { name: string }[];
  expect(listed).toMatchObject([{ name: NAME, pid: service.pid }]);

  const rebooted = await segue(service.home, ['reboot', NAME]);
  expect(rebooted).toMatchObject({ code: 0, stdout: expect.stringMatching(/: 3 servers: 3 restarted\.\n/) });
  expect(await generations(peers)).toEqual([2, 2, 2]);

  const failed = await segue(service.home, ['reboot', NAME, '--', ...worker('exits-at-start')]);
  expect(failed).toMatchObject({ code: 7, stderr: expect.stringMatching(/2 failed, 1 untouched/) });
  expect((await Promise.all(peers.map(whoami))).filter(({ generation }) => generation === 2)).toHaveLength(1);

  const changed = await segue(service.home, ['reboot', NAME, '--cwd', '/', '--', ...worker('echo')]);
  expect(changed.code).toBe(0);
  const now = await Promise.all([...peers, await enter(service)].map(whoami));
  expect(now.map(({ cwd }) => cwd)).toEqual(['/', '/', '/', '/']);
});

it('a session without the role reboots nobody; without workers a reboot succeeds at once', async () => {
  const service = await start();
  const admin = await adminOf(service);
  expect(await admin.request('restart')).toMatchObject({ success: true, workers: [] });
  const peers = [await enter(service), await enter(service)];
  const answer = await peers[0]!.call('orchestrator_restart_server', { scope: 'all' });
  expect(answer.result).toMatchObject({
    isError: true,
    structuredContent: { error: { code: 'NOT_AUTHORIZED' } },
  });
  expect(await generations(peers)).toEqual([1, 1]);
  const seen = await peers[0]!.call('orchestrator_restart_status');
  expect(seen.result).toMatchObject({ structuredContent: { workers: [{ own: true }] } });
});
