/**
 * A command in a window of tmux, of which the test sees what a person would: the screen, not what was written to it.
 * tmux's control mode tells when something was written; then the screen is looked at.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFailed, onTestFinished } from 'vitest';
import type { Launch } from './launch.ts';

export const hasTmux = spawnSync('tmux', ['-V']).status === 0;

export class Tmux {
  readonly #socket: string;
  readonly #client: ChildProcessWithoutNullStreams;
  #waiting: { pattern: RegExp; resolve(screen: string): void } | null = null;

  /** 80x24. `[gone]` is on the screen when the command has ended. */
  constructor(home: string, { command, args, env, cwd }: Launch) {
    this.#socket = join(home, 'tmux.sock');
    const line = [command, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const start = ['-S', this.#socket, '-f', '/dev/null', '-C', 'new-session', '-x', '80', '-y', '24'];
    this.#client = spawn('tmux', [...start, `${line}; echo '[gone]'; cat`], {
      cwd,
      env: { ...env, TERM: 'xterm-256color', SHELL: '/bin/sh', LANG: 'C.UTF-8' },
    });
    this.#client.stdin.write('refresh-client -C 80x24\n');
    createInterface({ input: this.#client.stdout }).on('line', () => this.#look());
    const closed = once(this.#client, 'close');
    onTestFailed(() => console.log(`--- tmux\n${this.screen()}`));
    onTestFinished(async () => {
      this.#run('kill-server');
      await closed;
    });
  }

  screen(): string {
    return this.#run('capture-pane', '-p');
  }

  /** The screen, as soon as the pattern is on it. One wait at a time. */
  shows(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting = { pattern, resolve };
      this.#look();
    });
  }

  keys(...keys: string[]): void {
    this.#run('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#client.stdin.write(`refresh-client -C ${columns}x${rows}\n`);
  }

  #look(): void {
    const screen = this.#waiting === null ? '' : this.screen();
    if (this.#waiting === null || !this.#waiting.pattern.test(screen)) return;
    this.#waiting.resolve(screen);
    this.#waiting = null;
  }

  #run(...args: string[]): string {
    return spawnSync('tmux', ['-S', this.#socket, ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8' },
    }).stdout;
  }
}
