/** Who of many has subscribed to which resource of a worker: the worker is subscribed once for all of them (counted). */
export class Subscribers<Client> {
  readonly #byUri = new Map<string, Set<Client>>();

  /** True when this is the first: the worker has to be told. */
  add(uri: string, client: Client): boolean {
    const known = this.#byUri.get(uri);
    if (known) known.add(client);
    else this.#byUri.set(uri, new Set([client]));
    return known === undefined;
  }

  /** True when this was the last: the worker has to be told. */
  delete(uri: string, client: Client): boolean {
    const clients = this.#byUri.get(uri);
    if (!clients?.delete(client) || clients.size > 0) return false;
    return this.#byUri.delete(uri);
  }

  /** The client has gone: the URIs of which it was the last subscriber. */
  leave(client: Client): string[] {
    return [...this.#byUri.keys()].filter((uri) => this.delete(uri, client));
  }

  /** The worker has refused. */
  forget(uri: string): void {
    this.#byUri.delete(uri);
  }

  /** Subscribers of this resource, and of one that it is a part of: a server may name the part that has changed. */
  of(uri: string): Set<Client> {
    const found = [...this.#byUri].filter(([subscribed]) => covers(subscribed, uri));
    return new Set(found.flatMap(([, clients]) => [...clients]));
  }
}

function covers(subscribed: string, changed: string): boolean {
  return (
    changed === subscribed || changed.startsWith(subscribed.endsWith('/') ? subscribed : `${subscribed}/`)
  );
}
