/** Asks whoever has our port whether it is a Segue. */
import type { z } from 'zod';
import type { Env } from '../../env.ts';
import { get } from '../../node-http.ts';
import { HEALTHZ } from './health.ts';

const ANSWER_MS = 1_000;
const MAX_ANSWER_BYTES = 4 * 1024;

/** Null when it is none, or does not answer `/healthz` within a second. */
export function portOwner(url: string, env: Env): Promise<z.infer<typeof HEALTHZ> | null> {
  return new Promise((resolve) => {
    const request = get(`${url}/healthz`, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER_BYTES) request.destroy();
      });
      response.on('end', () => done(text));
      response.on('error', () => done(''));
    });
    request.on('error', () => done('')); // whoever it is, it speaks no HTTP
    request.on('close', () => done(''));
    const cancel = env.timer(ANSWER_MS, () => request.destroy());
    const done = (text: string) => {
      cancel();
      resolve(parse(text));
    };
  });
}

function parse(text: string): z.infer<typeof HEALTHZ> | null {
  try {
    return HEALTHZ.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // no JSON
  }
}
