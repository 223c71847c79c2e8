/** The page in a real Chromium: what a person sees of a reboot and of a death, does by its buttons, and cannot be made to do. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { hashOf } from '../../src/front/http/access/tokens.ts';
import { HttpPeer } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, type Served, transitions } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { launchBrowser, openPage } from './browser.ts';
import { startPage } from './service.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function opened(url: string, name = 'peer'): Promise<HttpPeer> {
  const peer = new HttpPeer(url);
  const clientInfo = { name, version: '1.0.0' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const answer = await peer.post({ id: 'open', method: 'initialize', params });
  peer.session = answer.headers['mcp-session-id'] as string;
  await answer.answer('open');
  await peer.post({ method: 'notifications/initialized' });
  return peer;
}

/** From now on the states that become lit are written down. */
async function watchStates(page: Page): Promise<void> {
  await page.locator('[data-state="alive.idle"].here').waitFor();
  await page.evaluate('watchStates()');
}

/** The states that were lit since, in their order, as soon as there are `count` of them. */
async function seen(page: Page, count: number): Promise<string[]> {
  await page.waitForFunction(`seen.length >= ${count}`);
  return page.evaluate('seen');
}

it('a reboot that its button began walks through all states, in their order', async () => {
  const service = await startPage({ command: worker('echo') });
  const peer = await opened(service.url);
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await watchStates(page);
  await page.getByRole('button', { name: 'Reboot' }).click();
  await page.locator('#history summary', { hasText: 'completed' }).waitFor();
  const admin = await adminOf(service);
  const [report] = await admin.request('history', {});
  const walked = await transitions(service as unknown as Served, report!.reboot_id);
  expect(await seen(page, walked.length)).toEqual(walked);
  expect(walked).toContain('alive.preparing.suspend');
  const steps = walked.map((to, at) => [walked[at - 1] ?? 'alive.idle', to]);
  expect(await page.evaluate('edges')).toEqual(steps);
  expect(report!.requested_by).toBe('token:page');
  expect(await page.locator('.waterfall li').count()).toBe(report!.phases.length + 1); // and the blackout
  expect(await page.locator('#workers').innerText()).toContain(`\t2\t`);
  expect(textOf(await peer.call('whoami'))).toContain('"generation":2');
  expect(faults).toEqual([]);
});

it('the whole chart is drawn when it is wanted: its states are lit, and each edge that was taken flashes', async () => {
  const service = await startPage({ command: worker('echo') });
  await opened(service.url);
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await page.getByText('All transitions').click();
  await page.locator('#drawing [data-state="alive.idle"].here').waitFor();
  await page.evaluate('watchEdges()');
  await page.getByRole('button', { name: 'Reboot' }).click();
  await page.locator('#history summary', { hasText: 'completed' }).waitFor();
  const [report] = await (await adminOf(service)).request('history', {});
  const walked = await transitions(service as unknown as Served, report!.reboot_id);
  await page.waitForFunction(`edges.some(([, to]) => to === 'alive.idle')`);
  const taken = (await page.evaluate('edges')) as [string, string][];
  const cameTo = (state: string) => taken.some(([, to]) => state === to || state.startsWith(`${to}.`));
  expect(walked.filter((state) => !cameTo(state))).toEqual([]);
  expect(walked).toContain('stopping.cleanup');
  expect(faults).toEqual([]);
});

it('a worker that was killed with SIGKILL is seen to die, and to come back', async () => {
  const service = await startPage({ command: worker('echo') });
  const peer = await opened(service.url);
  const { pid } = JSON.parse(textOf(await peer.call('whoami'))) as { pid: number };
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await watchStates(page);
  process.kill(pid, 'SIGKILL');
  await page.locator('#workers td', { hasText: 'SIGKILL' }).waitFor();
  await page.locator('#history summary', { hasText: 'error recovery' }).waitFor();
  const admin = await adminOf(service);
  const [report] = await admin.request('history', {});
  expect(report).toMatchObject({ trigger: 'crash', last_exit: { signal: 'SIGKILL' } });
  const walked = await transitions(service as unknown as Served, report!.reboot_id);
  expect(await seen(page, walked.length)).toEqual(walked);
  expect(walked.at(-1)).toBe('alive.idle');
  expect(faults).toEqual([]);
});

it('a token that is missing or not enough is asked for; it is kept in the tab alone', async () => {
  const service = await startPage({ command: worker('echo') });
  const { page } = await openPage(browser);
  await page.goto(`${service.origin}/`);
  await page.getByLabel('Token').fill(service.word);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: 'Statechart' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Statechart' }).waitFor();
  expect(await page.evaluate('[localStorage.length, document.cookie, location.hash]')).toEqual([0, '', '']);
});

it('the end of the service is seen, and so is the next one', async () => {
  const config = { http: { anonymous: 'operator' as const } };
  const first = await startPage({ command: worker('echo'), config });
  const { page } = await openPage(browser);
  await page.goto(first.page);
  await page.locator('#main:not([hidden])').waitFor();
  first.kill('SIGTERM');
  await page.getByText('no connection').waitFor();
  await first.exited;
  const next = await startPage({ command: worker('echo'), config, port: first.port });
  await opened(next.url);
  await page.locator('[data-state="alive.idle"].here').waitFor();
});

const SEVERE = ['serious', 'critical'];

it.each([
  ['light', 1440],
  ['dark', 1440],
  ['light', 320],
] as const)('axe-core finds nothing serious: %s, %i wide', async (colorScheme, width) => {
  const service = await startPage({ command: worker('echo') });
  await opened(service.url);
  const { page, faults } = await openPage(browser, {
    ...{ colorScheme, reducedMotion: 'reduce' }, // no style that is on its way to another is judged
    viewport: { width, height: 800 },
  });
  await page.goto(service.page);
  await page.locator('[data-state="alive.idle"].here').waitFor();
  await page.getByRole('button', { name: 'Reboot' }).click();
  await page.locator('#history summary', { hasText: 'completed' }).waitFor();
  await page.locator('[data-state="alive.idle"].here').waitFor();
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate<AxeResults>('axe.run(document)');
  expect(passes.length).toBeGreaterThan(20);
  const severe = violations.filter(({ impact }) => SEVERE.includes(impact ?? ''));
  expect(severe.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  expect(faults).toEqual([]);
});

it('all is reached by keyboard: the first stop leads past the bar, and the button works by Enter', async () => {
  const service = await startPage({ command: worker('echo') });
  await opened(service.url);
  const { page } = await openPage(browser);
  await page.goto(service.page);
  await page.locator('[data-state="alive.idle"].here').waitFor();
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.textContent')).toContain('Skip');
  await page.keyboard.press('Tab');
  expect(await page.evaluate('document.activeElement.id')).toBe('reboot');
  await page.keyboard.press('Enter');
  await page.locator('#history summary', { hasText: 'completed' }).waitFor();
});

shows('F53', 'names and lines that look like markup are shown as they are', async () => {
  const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;
  const service = await startPage({ command: worker('echo') });
  await opened(service.url, evil);
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await page.locator('#sessions td', { hasText: evil }).waitFor();
  expect(await page.locator('#sessions img, #sessions script, #log img').count()).toBe(0);
  expect(faults).toEqual([]);
  // Were it markup all the same: the policy runs nothing that stands in the page.
  const violation = page.waitForEvent('console', (message) => /Content Security Policy/.test(message.text()));
  const markup = '<img src="data:," onerror="window.pwned=1">';
  await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '${markup}')`);
  await violation;
  expect(await page.evaluate(`'pwned' in window`)).toBe(false);
});

shows('F53', 'what a reboot changed of the tools is shown, whatever they are called', async () => {
  const file = join(tempHome(), 'tools.json');
  const evil = '<img src=x onerror=window.pwned=1>';
  const write = (tools: object[]) =>
    writeFileSync(file, JSON.stringify({ tools, capabilities: { tools: {} } }));
  write([{ name: 'kept' }, { name: 'gone' }]);
  const service = await startPage({ command: worker('changed-tools', file) });
  const peer = await opened(service.url);
  await (await peer.post({ id: 'list', method: 'tools/list' })).answer('list');
  write([{ name: 'kept', description: 'new words' }, { name: evil }]);
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await page.getByRole('button', { name: 'Reboot' }).click();
  const tools = page.getByRole('region', { name: 'Tools' }).getByRole('listitem');
  await tools.nth(2).waitFor();
  expect(await tools.allInnerTexts()).toEqual([`+${evil} added`, '~kept changed', '−gone removed']);
  expect(await page.evaluate(`'pwned' in window`)).toBe(false);
  expect(faults).toEqual([]);
});

shows('F65', 'tools that a restart brought are approved by the button, and not before', async () => {
  const file = join(tempHome(), 'tools.json');
  const write = (...tools: object[]) => writeFileSync(file, JSON.stringify({ tools }));
  write({ name: 'kept' });
  const service = await startPage({ command: worker('changed-tools', file), set: { toolChanges: 'hold' } });
  const peer = await opened(service.url);
  write({ name: 'kept' }, { name: 'added' });
  const { page, faults } = await openPage(browser);
  await page.goto(service.page);
  await page.getByRole('button', { name: 'Reboot' }).click();
  const held = page.getByRole('region', { name: 'Held tools' });
  await held.getByRole('listitem').first().waitFor();
  expect(await held.getByRole('listitem').allInnerTexts()).toEqual(['added']);
  expect(await peer.call('added')).toMatchObject({ error: { data: { code: 'NOT_AUTHORIZED' } } });
  await held.getByRole('button', { name: 'Approve' }).click();
  await held.waitFor({ state: 'hidden' });
  expect(textOf(await peer.call('added'))).toBe('added called');
  expect(faults).toEqual([]);
});

shows(
  'F52',
  'a page of another port of this machine reads nothing, changes nothing, frames nothing',
  async () => {
    const service = await startPage({ command: worker('echo'), config: { http: { anonymous: 'operator' } } });
    await opened(service.url);
    const foreign = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>foreign</title><body>');
    });
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void foreign.close().closeAllConnections());
    const { page } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);
    const tried = await page.evaluate(`attack('${service.origin}')`);
    expect(tried).toEqual(['refused', 'refused', 'refused', 'opaque']);
    const answered = page.waitForResponse(`${service.origin}/page/reboot`);
    await page.evaluate(`attackByForm('${service.origin}')`);
    expect((await answered).status()).toBe(403);
    const blocked = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.evaluate(`attackByFrame('${service.origin}')`);
    await blocked;
    const admin = await adminOf(service);
    expect(await admin.request('history', {})).toEqual([]);
  },
);

shows('F51', 'a monitor sees the same, without the log and without a button', async () => {
  const sha256 = hashOf('segue_wall');
  const config = { http: { tokens: [{ name: 'wall', role: 'monitor' as const, sha256 }] } };
  const service = await startPage({ command: worker('echo'), config });
  const { page } = await openPage(browser);
  await page.goto(`${service.origin}/#segue_wall`);
  await page.getByRole('heading', { name: 'Statechart' }).waitFor();
  expect(await page.getByRole('button', { name: 'Reboot' }).count()).toBe(0);
  expect(await page.getByRole('heading', { name: 'Log' }).count()).toBe(0);
});
