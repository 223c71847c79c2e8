/** `npm run screenshots`: the page, light and dark, as it is right after a reboot, into docs/images. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { launchBrowser, openPage } from './browser.ts';

const ROOT = join(import.meta.dirname, '../..');
const IMAGES = join(ROOT, 'docs/images');

const home = mkdtempSync(join(tmpdir(), 'sg-'));
const command = [process.execPath, join(ROOT, 'tests/fixtures/workers/counter.mjs')];
const argv = ['src/cli/main.ts', 'serve', '--port', '0', '--name', 'notes', '--isolation', 'session'];
const service = spawn(process.execPath, [...argv, '--', ...command], {
  cwd: ROOT,
  env: { PATH: process.env.PATH ?? '', HOME: home, XDG_STATE_HOME: home, XDG_RUNTIME_DIR: home },
  stdio: ['ignore', 'ignore', 'pipe'],
});
try {
  const address = await pageAddress();
  const clients = await Promise.all(['Claude Code', 'Inspector'].map((name) => connect(address, name)));
  mkdirSync(IMAGES, { recursive: true });
  const browser = await launchBrowser();
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openPage(browser, {
      ...{ colorScheme, reducedMotion: 'reduce' },
      viewport: { width: 1360, height: 1180 },
    });
    await page.goto(address);
    await page.locator('[data-state="alive.idle"].here').waitFor();
    const before = await page.locator('#history details').count();
    await page.getByRole('button', { name: 'Reboot' }).click();
    const ended = page.locator('#history summary', { hasText: 'completed' });
    await ended.nth(before + clients.length - 1).waitFor();
    await page.locator('[data-state="alive.idle"].here').waitFor();
    await page.screenshot({ path: join(IMAGES, `page-${colorScheme}.png`) });
  }
  await browser.close();
  await Promise.all(clients.map((client) => client.close()));
} finally {
  service.kill('SIGTERM');
  await new Promise((resolve) => service.once('exit', resolve));
  rmSync(home, { recursive: true, force: true });
}

async function pageAddress(): Promise<string> {
  for await (const line of createInterface(service.stderr)) {
    const { page } = JSON.parse(line) as { page?: string };
    if (page === undefined) continue;
    service.stderr.resume();
    return page;
  }
  throw new Error('the service has ended');
}

async function connect(address: string, name: string): Promise<Client> {
  const client = new Client({ name, version: '1.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', address)));
  await client.callTool({ name: 'add', arguments: {} });
  return client;
}
