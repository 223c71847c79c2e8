/** A receiver of alerts on loopback: a real HTTP server that refuses as often as it is told to. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { Journal } from '../support/wait.ts';

export interface Delivery {
  status: number;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an alert is made of
  body: any;
}

export interface Webhook {
  url: string;
  /** In the order in which they came, refused ones too. */
  deliveries: Journal<Delivery>;
  /** Bodies that were taken. */
  taken(): Delivery['body'][];
}

/** Answers with these statuses, then with 200. */
export async function startWebhook(...statuses: number[]): Promise<Webhook> {
  const deliveries = new Journal<Delivery>();
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'));
    const status = statuses.shift() ?? 200;
    response.writeHead(status).end('noted');
    deliveries.add({ status, headers: request.headers, body });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret-path`,
    deliveries,
    taken: () => deliveries.all.filter(({ status }) => status === 200).map(({ body }) => body),
  };
}
