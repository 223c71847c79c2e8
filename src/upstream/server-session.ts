/** The session that a client of the legacy era has at its server, and the stream on which that speaks by itself. */
import type { ExchangeDeps } from './exchange.ts';
import { openRequest } from './exchange.ts';
import { sessionHeaders, type UpstreamSession } from './headers.ts';
import { Notices } from './notices.ts';

export class ServerSession {
  readonly #deps: ExchangeDeps;
  #at: UpstreamSession = { id: null, version: null };
  #notices: Notices | null = null;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
  }

  get at(): UpstreamSession {
    return this.#at;
  }

  /** The answer to initialize has begun. */
  begin(id: string | string[] | undefined): void {
    this.#at = { id: typeof id === 'string' ? id : null, version: null };
  }

  negotiated(version: unknown): void {
    if (typeof version === 'string') this.#at.version = version;
  }

  listen(): void {
    this.#notices ??= new Notices(this.#deps, { ...this.#at });
  }

  /** Nothing more is heard of it. */
  close(): void {
    this.#notices?.close();
    this.#notices = null;
    this.#at = { id: null, version: null };
  }

  /** The server may forget it. One that does not, or is gone, is asked for nothing more. */
  end(): void {
    const { at } = this;
    this.close();
    if (at.id === null) return;
    const { request, response } = openRequest(this.#deps.url, 'DELETE', sessionHeaders(at));
    response.then(
      (answer) => answer.resume(),
      () => {},
    );
    request.end();
  }
}
