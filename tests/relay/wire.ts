/** Segue in front of the fixture `verbatim`: a test says and hears bytes at both ends. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempHome, worker } from '../support/launch.ts';
import { readLines } from '../support/raw-client.ts';
import { type Served, serve } from '../support/restarts.ts';
import { Journal, waitForFile } from '../support/wait.ts';

export interface Wire extends Served {
  /** Each line of Segue's stdout, as it came. */
  heard: Journal<Buffer>;
  /** The client writes a line as it is. */
  write(line: string): void;
  /** All lines that workers have read, once the worker has read `last`. */
  workerHeard(last: string): Promise<string[]>;
  /** The worker writes these lines as they are. */
  workerSays(...lines: string[]): void;
}

export interface WireOptions {
  home?: string;
  env?: Record<string, string>;
  set?: Record<string, number>;
}

export async function wire(options: WireOptions = {}): Promise<Wire> {
  const home = options.home ?? tempHome();
  const heardFile = join(home, 'heard');
  writeFileSync(heardFile, '');
  const set = { 'timing.drainMs': 1, ...options.set };
  const segue = serve({
    command: worker('verbatim'),
    home,
    set,
    env: { ...options.env, HEARD: heardFile },
  });
  const heard = new Journal<Buffer>();
  readLines(segue.stdout, (line) => heard.add(line));
  await segue.client.initialize();
  await segue.client.call('echo'); // the tools are read by now
  let said = 0;
  return {
    ...segue,
    heard,
    write: (line) => segue.client.send(`${line}\n`),
    workerHeard: async (last) => {
      const text = await waitForFile(heardFile, (sofar) => sofar.includes(`${last}\n`));
      return text.split('\n');
    },
    workerSays(...lines) {
      const file = join(home, `says-${++said}`);
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      segue.client.notify('test/say', { file });
    },
  };
}

export const equals = (line: string) => (heard: Buffer) => heard.equals(Buffer.from(line));
