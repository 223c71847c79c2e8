/**
 * A command in a terminal of its own: `script` of util-linux makes the pseudo terminal (Debian, Ubuntu and most others
 * have it from the start). What a person would do: look, type, resize, hang up.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { onTestFailed, onTestFinished } from 'vitest';
import type { Launch } from './launch.ts';
import { killAll, processesWith } from './processes.ts';

export class Pty {
  readonly #child: ChildProcessWithoutNullStreams;
  /** Resolves when the terminal has closed. */
  readonly ended: Promise<unknown>;
  #raw = '';
  #searched = 0;
  #waiting: { pattern: RegExp; resolve(match: RegExpExecArray): void; reject(error: Error): void } | null =
    null;

  /** The command ends with its exit code printed as `code=0`, then `stty -a` says how it has left the terminal. */
  constructor({ command, args, env, cwd }: Launch, size = { columns: 80, rows: 24 }) {
    const line = [command, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const shell = [
      `stty cols ${size.columns} rows ${size.rows}`,
      'echo tty=$(tty)',
      `sh -c 'echo pid=$$; exec "$@"' sh ${line}`,
      'echo code=$?',
      'stty -a',
      'echo end',
    ].join('; ');
    this.#child = spawn('script', ['-qfec', shell, '/dev/null'], {
      cwd,
      env: { ...env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    });
    this.ended = once(this.#child, 'close').then(() => this.#fail());
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#raw += text;
      this.#look();
    });
    onTestFailed(() => console.log(`--- terminal\n${this.text().slice(-4000)}`));
    onTestFinished(async () => {
      this.#child.kill('SIGKILL');
      await this.ended;
      killAll(processesWith(`XDG_STATE_HOME=${env.XDG_STATE_HOME}`));
    });
  }

  /** Everything so far as it came. */
  raw(): string {
    return this.#raw;
  }

  /** Without escape sequences. A picture that is repainted in part is here in parts. */
  text(): string {
    return stripVTControlCharacters(this.#raw).replaceAll('\r', '');
  }

  /** The first match, past or future, behind that of the wait before. One wait at a time. */
  seen(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      this.#waiting = { pattern, resolve, reject };
      this.#look();
    });
  }

  /** As when its window is closed. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Of the terminal at `path`, as `tty=` has told it. */
  resize(path: string, size: { columns: number; rows: number }): void {
    spawnSync('stty', ['-F', path, 'cols', String(size.columns), 'rows', String(size.rows)]);
  }

  #look(): void {
    if (this.#waiting === null) return;
    const text = this.text();
    const match = this.#waiting.pattern.exec(text.slice(this.#searched));
    if (match === null) return;
    this.#searched += match.index + match[0].length;
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve(match);
  }

  #fail(): void {
    this.#look();
    this.#waiting?.reject(new Error(`the terminal has closed:\n${this.text().slice(-2000)}`));
  }
}
