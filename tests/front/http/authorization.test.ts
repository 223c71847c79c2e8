/** Who gets into a running service, and where their tokens do not go (F51, F62). */
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { segue } from '../../cli/cli.ts';
import { HttpPeer, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { refusal, structured } from '../../support/restarts.ts';
import { shows } from '../../support/shows.ts';
import { AUDIENCE, authorizationServer } from './authorization-server.ts';

const LIST = { id: 1, method: 'tools/list' };

shows('F51 F62', 'a token of segue token lets in with its role, and stays at the door', async () => {
  const home = tempHome();
  const file = join(home, 'segue.json');
  const add = async (name: string, role: string) =>
    (await segue(home, ['token', 'add', name, '--role', role, '--config', file])).stdout.trim();
  const tokens = [await add('ada', 'client'), await add('ops', 'operator')] as const;
  const heard = join(home, 'heard');
  const service = await startService({
    ...{ home, command: worker('crowd'), env: { HEARD: heard }, set: { isolation: 'shared' } },
    args: ['--config', file],
  });
  const nobody = await new HttpPeer(service.url).post(LIST);
  expect(nobody.status).toBe(401);
  expect(nobody.headers['www-authenticate']).toBe('Bearer realm="segue"');
  expect((await new HttpPeer(`${service.url}?access_token=${tokens[0]}`).post(LIST)).status).toBe(401);
  expect((await new HttpPeer(service.url, { token: 'segue_guessed' }).post(LIST)).status).toBe(401);

  const [ada, ops] = [
    new HttpPeer(service.url, { token: tokens[0] }),
    new HttpPeer(service.url, { token: tokens[1] }),
  ];
  await ada.open();
  await ops.open();
  expect(refusal(await ada.call('orchestrator_restart_server'))).toMatchObject({ code: 'NOT_AUTHORIZED' });
  const restarted = structured(await ops.call('orchestrator_restart_server'));
  expect(restarted).toMatchObject({ success: true, requested_by: 'token:ops' });
  expect((await ada.call('tell', { secret: 'x' })).result).toBeDefined();

  service.kill('SIGTERM');
  await service.exited;
  expect(readFileSync(heard, 'utf8')).toContain('"tell"');
  const files = globSync('**', { cwd: home }).map((path) => join(home, path));
  const texts = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'latin1'));
  expect(texts.length).toBeGreaterThan(2); // its state among them
  for (const token of tokens)
    for (const text of [...texts, service.stderr()]) expect(text.includes(token)).toBe(false);
});

shows(
  'F51',
  'an access token lets in with the role of its claim; without one a client learns where to get it',
  async () => {
    const server = await authorizationServer();
    const { issuer, jwksUri } = server;
    const { url } = await startService({
      command: worker('echo'),
      config: { http: { oauth: { issuer, jwksUri, audience: AUDIENCE }, allowedHosts: ['segue.example'] } },
    });
    const base = new URL(url).origin;
    const refused = await new HttpPeer(url).post(LIST);
    expect(refused.status).toBe(401);
    const [, address] = /resource_metadata="([^"]+)"/.exec(refused.headers['www-authenticate'] ?? '') ?? [];
    const { pathname } = new URL(address!);
    const metadata = await (await fetch(`${base}${pathname}`)).json();
    expect(metadata).toMatchObject({ resource: AUDIENCE, authorization_servers: [issuer] });

    const peer = new HttpPeer(url, { token: await server.sign({ segue_role: 'operator' }) });
    await peer.open();
    expect(structured(await peer.call('orchestrator_restart_server'))).toMatchObject({
      requested_by: `oauth:${issuer}:ada`,
    });
    const stranger = new HttpPeer(url, { token: await server.sign({ sub: 'bob' }) });
    stranger.session = peer.session;
    expect((await stranger.post(LIST)).status).toBe(404);
    const stale = new HttpPeer(url, { token: await server.sign({ exp: 1 }) });
    expect((await stale.post(LIST)).status).toBe(401);
  },
);

shows('F51', 'nothing listens where others could call without saying who they are', async () => {
  const { code, stdout, stderr } = await segue(
    tempHome(),
    ['serve', '--host', '0.0.0.0', '--port', '0', '--log-level', 'info'],
    { command: worker('echo') },
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/segue: 0\.0\.0\.0 can be reached .*segue token add/);
  expect(stderr).not.toContain('"msg":"serving"');
});
