/** Waits that end with an event, never with a time. The test's own timeout is what ends one that never comes. */
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { onTestFinished } from 'vitest';

/** The text of `path` once it exists and `ready` holds of it. Its folder must exist. */
export function waitForFile(path: string, ready: (text: string) => boolean = () => true): Promise<string> {
  return new Promise((resolve) => {
    const check = () => {
      if (!existsSync(path)) return;
      const text = readFileSync(path, 'utf8');
      if (!ready(text)) return;
      watcher.close();
      resolve(text);
    };
    const watcher = watch(dirname(path), check);
    onTestFinished(() => watcher.close());
    check();
  });
}

/** The name of the first entry of `folder`, which must exist, that `wanted` holds of. */
export function waitForEntry(folder: string, wanted: (name: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    const check = () => {
      const found = readdirSync(folder).find(wanted);
      if (found === undefined) return;
      watcher.close();
      resolve(found);
    };
    const watcher = watch(folder, check);
    onTestFinished(() => watcher.close());
    check();
  });
}

/**
 * What came so far, and who waits for what comes next. `next` looks at the past as well, but hands out each item
 * once: an event that came before its wait is not missed, and two waits never get the same one.
 */
export class Journal<T> {
  readonly all: T[] = [];
  readonly #taken = new Set<number>();
  readonly #waiting: {
    wanted: (item: T) => boolean;
    resolve: (item: T) => void;
    reject: (error: Error) => void;
  }[] = [];
  #end: Error | undefined;

  add(item: T): void {
    const index = this.all.push(item) - 1;
    const found = this.#waiting.findIndex(({ wanted }) => wanted(item));
    if (found < 0) return;
    this.#taken.add(index);
    this.#waiting.splice(found, 1)[0]!.resolve(item);
  }

  /** The first item for which `wanted` holds and that no earlier `next` took; rejects once nothing more can come. */
  next(wanted: (item: T) => boolean = () => true): Promise<T> {
    const index = this.all.findIndex((item, at) => !this.#taken.has(at) && wanted(item));
    if (index >= 0) {
      this.#taken.add(index);
      return Promise.resolve(this.all[index]!);
    }
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => this.#waiting.push({ wanted, resolve, reject }));
  }

  /** Nothing more will come: every wait rejects with `error`. */
  end(error: Error): void {
    this.#end = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
