/** The stream of a session on which a server of the legacy era speaks by itself, opened again whenever it ends. */
import { delay } from '../env.ts';
import { SegueError } from '../errors.ts';
import { isStream, messagesOf, type Place } from './answers.ts';
import { type ExchangeDeps, openStream, RESUME_MS } from './exchange.ts';
import type { UpstreamSession } from './headers.ts';

export class Notices {
  readonly #deps: ExchangeDeps;
  readonly #session: UpstreamSession;
  readonly #end = new AbortController();

  constructor(deps: ExchangeDeps, session: UpstreamSession) {
    this.#deps = deps;
    this.#session = session;
    void this.#run().catch((error: unknown) => {
      if (!this.#end.signal.aborted) deps.garbage(`the stream of the server has ended: ${String(error)}`);
    });
  }

  close(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { env, url, maxBytes, deliver, garbage, reconnectable } = this.#deps;
    const { signal } = this.#end;
    const place: Place = { lastEventId: null, retryMs: RESUME_MS };
    for (;;) {
      const response = await openStream(url, this.#session, place.lastEventId, signal);
      if (response && !isStream(response)) {
        response.resume();
        // 409: the last one has not ended yet. Others (405) have none, or know no such session: its next request tells.
        if (response.statusCode !== 409) return;
      } else if (response) {
        try {
          for await (const message of messagesOf(response, maxBytes, place)) {
            if (message.kind === 'garbage') garbage(message.why);
            else await deliver(message);
          }
        } catch (error) {
          // One that broke off goes on from where it was; what was too large would be so again.
          if (error instanceof SegueError) place.lastEventId = null;
        }
      }
      await delay(env, place.retryMs, signal);
      await reconnectable(signal);
    }
  }
}
