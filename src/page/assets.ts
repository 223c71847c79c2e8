/** The files of the page. They hold no data: anybody who may reach the service may have them. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chartOf } from '../../machines/chart.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { CHART_CSS, statechartSvg } from '../chart/svg.ts';
import { ownFile } from '../package-files.ts';

const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const;

/** The build copies them into dist. */
const FOLDER = fileURLToPath(ownFile('src/page/assets'));

const FILES = [
  'index.html',
  'page.css',
  'chart.css',
  ...[
    'main',
    'stream',
    'dom',
    'time',
    'head',
    'chart',
    'drawing',
    'workers',
    'history',
    'waterfall',
    'tools',
    'log',
  ].map((module) => `${module}.js`),
  'icon.svg',
] as const;

/** Nothing comes from elsewhere, nothing inline is run, nobody may frame it (F52, F53). */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
};

export interface Asset {
  type: string;
  body: Buffer;
  gzipped: Buffer;
}

/** By the path in their address. Read once, at the start: a package that is updated under us stays whole. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const files = FILES.map((name): [string, Asset] => {
    const type = `${TYPES[name.slice(name.lastIndexOf('.') + 1) as keyof typeof TYPES]}; charset=utf-8`;
    const body = readFileSync(join(FOLDER, name), 'utf8');
    const path = name === 'index.html' ? '/' : `/page/${name}`;
    return [path, asset(type, name === 'chart.css' ? CHART_CSS + body : body)];
  });
  return new Map([
    ...files,
    ['/page/chart.json', asset('application/json', JSON.stringify(chartOf(rebootMachine)))],
    ['/page/chart.svg', asset('image/svg+xml', statechartSvg())],
  ]);
}

function asset(type: string, text: string): Asset {
  return { type, body: Buffer.from(text), gzipped: gzipSync(text) };
}

export function sendAsset(file: Asset, request: IncomingMessage, response: ServerResponse): void {
  const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = zipped ? file.gzipped : file.body;
  response.writeHead(200, {
    ...HEADERS,
    ...{ 'content-type': file.type, 'content-length': body.length, vary: 'accept-encoding' },
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
