/** `segue serve` with its page, and requests of the page as anybody could make them. */
import { type Service, type ServiceOptions, startService } from '../support/http.ts';

export interface ServiceWithPage extends Service {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  /** As it was logged: with the word that opens it, where it needs one. */
  page: string;
  word: string;
}

export async function startPage(options: ServiceOptions): Promise<ServiceWithPage> {
  const service = await startService(options);
  const { page } = JSON.parse(await service.logged(/"msg":"page"/)) as { page: string };
  const { origin, hash } = new URL(page);
  return { ...service, origin, page, word: hash.slice(1) };
}

/** With the Origin of the page itself, unless `headers` say another. */
export function press(
  { origin }: { origin: string },
  action: string,
  { token, headers = {}, body = '{}' }: { token?: string; headers?: Record<string, string>; body?: string },
): Promise<Response> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${origin}/page/${action}`, {
    method: 'POST',
    headers: { origin, 'content-type': 'application/json', ...authorization, ...headers },
    body,
  });
}
