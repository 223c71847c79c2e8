/** A real Chromium that reaches this machine alone, and writes down what a page did that it must not. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sparticuz from '@sparticuz/chromium';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { ROOT } from '../support/launch.ts';

/** Unpacked once for all: whole before anybody else sees it, by a rename. */
const UNPACKED = join(ROOT, 'node_modules/.cache/segue/chromium');

// Not those of the package: they turn off what is to be shown here, the same-origin policy.
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'];

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await executable(), args: ARGS, headless: true });
}

async function executable(): Promise<string> {
  const before = process.env.TMPDIR;
  try {
    if (!existsSync(UNPACKED)) {
      mkdirSync(join(UNPACKED, '..'), { recursive: true });
      const folder = mkdtempSync(`${UNPACKED}-`);
      process.env.TMPDIR = folder;
      await sparticuz.executablePath();
      try {
        renameSync(folder, UNPACKED);
      } catch {
        rmSync(folder, { recursive: true }); // another was faster
      }
    }
    process.env.FONTCONFIG_FILE = fonts();
    return join(UNPACKED, 'chromium');
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

/** The package's own fonts, and no others: its own file looks for them where they are not, and a machine may have none. */
function fonts(): string {
  const [file, cache] = [join(UNPACKED, 'fonts.conf'), join(UNPACKED, 'fonts-cache')];
  const text = `<fontconfig><dir>${join(UNPACKED, 'fonts')}</dir><cachedir>${cache}</cachedir></fontconfig>\n`;
  writeFileSync(file, text);
  return file;
}

export interface Watched {
  page: Page;
  /** Errors of scripts, violations of the policy, and requests that would have left this machine. */
  faults: string[];
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  await context.addInitScript({ path: join(import.meta.dirname, 'in-page.js') });
  const page = await context.newPage();
  const faults: string[] = [];
  await context.route(
    (url) => !['127.0.0.1', 'localhost'].includes(url.hostname),
    (route) => {
      faults.push(`asked for ${route.request().url()}`);
      return route.abort();
    },
  );
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, faults };
}
