/** The page without a browser: who gets what of it, and who can change nothing by it. */
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectReadOnly } from '../../db/database.ts';
import { hashOf } from '../../src/front/http/access/tokens.ts';
import { readAssets } from '../../src/page/assets.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { HttpPeer } from '../support/http.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { adminOf, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Journal } from '../support/wait.ts';
import { press, type ServiceWithPage, startPage } from './service.ts';

const ASSETS = join(ROOT, 'src/page/assets');
const TOKENS = (['client', 'monitor', 'operator'] as const).map((role) => ({
  ...{ name: role, role },
  sha256: hashOf(`segue_${role}`),
}));

interface PageEvent {
  name: string;
  data: Record<string, unknown>;
}

/** The stream of events as a program reads it. */
async function events(origin: string, headers: Record<string, string>) {
  const request = httpRequest(`${origin}/page/events`, { headers, agent: false }).end();
  onTestFinished(() => void request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const heard = new Journal<PageEvent>();
  let rest = '';
  response.setEncoding('utf8').on('error', () => {});
  response.on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!;
      heard.add({ name: name!, data: JSON.parse(data!) });
    }
  });
  response.on('close', () => heard.end(new Error('the stream has ended')));
  return { status: response.statusCode, heard, next: (name: string) => heard.next((e) => e.name === name) };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function opened(service: ServiceWithPage, token?: string): Promise<HttpPeer> {
  const peer = new HttpPeer(service.url, token === undefined ? {} : { token });
  await peer.open();
  return peer;
}

describe('the files', () => {
  it('are under 60 kB together, and so is all that is sent with the two charts', () => {
    const sizes = readdirSync(ASSETS).map((name) => statSync(join(ASSETS, name)).size);
    expect(sizes.length).toBeGreaterThan(5);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
    const sent = [...readAssets().values()].map(({ gzipped }) => gzipped.length);
    expect(sent).toHaveLength(sizes.length + 2);
    expect(sent.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });

  it('name no other place, and hold no script or style that stands in the markup', () => {
    const html = readFileSync(join(ASSETS, 'index.html'), 'utf8');
    expect(html).not.toMatch(/https?:|<style|\sstyle=|\son[a-z]+=|<script(?! type="module" src="\/page\/)/);
  });

  shows('F52 F53', 'come with a policy that runs nothing inline, and lets nobody frame them', async () => {
    const service = await startPage({ command: worker('echo') });
    for (const name of [
      '/',
      ...readdirSync(ASSETS)
        .filter((n) => n !== 'index.html')
        .map((n) => `/page/${n}`),
    ]) {
      const { status, headers } = await fetch(service.origin + name);
      expect(status, name).toBe(200);
      const policy = headers.get('content-security-policy');
      expect(policy, name).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy, name).toContain("frame-ancestors 'none'");
      expect(policy, name).not.toMatch(/unsafe|\*/);
      expect(headers.get('x-content-type-options'), name).toBe('nosniff');
      expect(headers.get('access-control-allow-origin'), name).toBeNull();
    }
  });
});

describe('who may see', () => {
  shows('F51', 'without tokens: who has the word of the log, and no other', async () => {
    const service = await startPage({ command: worker('echo') });
    expect(service.word).toMatch(/^[\w-]{22}$/);
    for (const headers of [{}, bearer('x'.repeat(22))])
      expect((await events(service.origin, headers)).status).toBe(401);
    const stream = await events(service.origin, bearer(service.word));
    expect(await stream.next('hello')).toMatchObject({ data: { role: 'operator', mayAct: true } });
    expect(await stream.next('overview')).toMatchObject({ data: { workers: [] } });
  });

  shows('F51', 'with tokens: a monitor all but the log, a client nothing', async () => {
    const service = await startPage({ command: worker('echo'), config: { http: { tokens: TOKENS } } });
    expect(service.word).toBe('');
    await opened(service, 'segue_client');
    expect((await events(service.origin, bearer('segue_client'))).status).toBe(403);
    const monitor = await events(service.origin, bearer('segue_monitor'));
    const operator = await events(service.origin, bearer('segue_operator'));
    expect(await monitor.next('hello')).toMatchObject({ data: { mayAct: false } });
    expect(await operator.next('log')).toMatchObject({ data: { msg: expect.any(String) } });
    expect((await press(service, 'reboot', { token: 'segue_operator' })).status).toBe(200);
    for (const { heard } of [monitor, operator])
      await heard.next(
        ({ name, data }) =>
          name === 'overview' && (data.history as { outcome?: string }[])[0]?.outcome === 'completed',
      );
    expect(monitor.heard.all.map(({ name }) => name)).not.toContain('log');
    expect(monitor.heard.all.map(({ name }) => name)).toContain('transition');
  });
});

describe('who may change', () => {
  shows('F52', 'no other page, on whatever port of this machine, and no form', async () => {
    const service = await startPage({ command: worker('echo'), config: { http: { anonymous: 'operator' } } });
    await opened(service);
    for (const origin of ['http://127.0.0.1:1', 'http://localhost', 'https://evil.example', 'null'])
      expect((await press(service, 'reboot', { headers: { origin } })).status, origin).toBe(403);
    const without = await fetch(`${service.origin}/page/reboot`, {
      ...{ method: 'POST', body: '{}' },
      headers: { 'content-type': 'application/json' },
    });
    expect(without.status).toBe(403);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect((await press(service, 'reboot', { headers: { 'content-type': type } })).status, type).toBe(415);
    const foreign = await events(service.origin, { origin: 'http://127.0.0.1:1' });
    expect(foreign.status).toBe(403);
    const admin = await adminOf(service);
    expect(await admin.request('history', {})).toEqual([]);
    expect((await press(service, 'reboot', {})).status).toBe(200);
  });

  shows('F51 F63 M6', 'no monitor; the refusal is on record', async () => {
    const home = tempHome();
    const config = { name: 'paged', http: { tokens: TOKENS } };
    const service = await startPage({ command: worker('echo'), home, config });
    await opened(service, 'segue_client');
    for (const action of ['reboot', 'abort', 'reset']) {
      const refused = await press(service, action, { token: 'segue_monitor' });
      expect(refused.status, action).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'NOT_AUTHORIZED' });
    }
    const admin = await adminOf(service);
    expect(await admin.request('history', {})).toEqual([]);
    service.kill('SIGTERM');
    await service.exited;
    const file = databaseFile(stateDirectory('paged', { XDG_STATE_HOME: join(home, 'state') }));
    const database = connectReadOnly(file);
    onTestFinished(() => database.close());
    const rows = database.audit.newest(10).reverse();
    expect(rows.map(({ principal, action, result }) => [principal, action, result])).toEqual(
      ['restart', 'abort', 'reset'].map((action) => ['token:monitor', action, 'NOT_AUTHORIZED']),
    );
  });

  it('what it does not know it does not do', async () => {
    const service = await startPage({ command: worker('echo') });
    await opened(service);
    const token = service.word;
    expect((await press(service, 'reboot', { token, body: '{"command":["sh"]}' })).status).toBe(400);
    expect((await press(service, 'reboot', { token, body: 'no json' })).status).toBe(400);
    expect((await press(service, 'abort', { token })).status).toBe(409);
    expect((await press(service, 'constructor', { token })).status).toBe(404);
  });
});

it('--page: a server on stdio has it, too', async () => {
  const running = serve({ command: worker('echo'), args: ['--page', '0'] });
  const { page } = JSON.parse(await running.logged(/"msg":"page"/)) as { page: string };
  const { origin, hash } = new URL(page);
  await running.client.initialize();
  const stream = await events(origin, bearer(hash.slice(1)));
  expect(await stream.next('overview')).toMatchObject({ data: { workers: [{ status: { generation: 1 } }] } });
  expect((await press({ origin }, 'reboot', { token: hash.slice(1) })).status).toBe(200);
  await stream.heard.next(
    ({ name, data }) => name === 'transition' && data.to === 'alive.preparing.maintenance',
  );
  expect((await events(origin, {})).status).toBe(401);
  const rebound = httpRequest(origin, { headers: { host: 'evil.example' }, agent: false }).end();
  const [response] = (await once(rebound, 'response')) as [IncomingMessage];
  expect(response.resume().statusCode).toBe(403);
});
