/**
 * The whole terminal for one live picture: the alternate screen, no cursor, keys as they are typed. However this
 * process ends (but for SIGKILL), the terminal is given back as it was.
 */
import { emitKeypressEvents, type Key } from 'node:readline';
import { createLogUpdate } from 'log-update';

export interface ScreenEvents {
  /** By its name: `q`, `left`, `ctrl-c`. */
  onKey(key: string): void;
  onResize(): void;
  /** The terminal is gone, or a signal asks us to end: with which exit code. */
  onEnd(exitCode: number): void;
}

export interface Screen {
  /** Lines no wider than the screen; the last row stays free. */
  paint(text: string): void;
  readonly columns: number;
  readonly rows: number;
  /** Idempotent. */
  leave(): void;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J\u001b[H';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[2J\u001b[H';
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export function enterScreen({ onKey, onResize, onEnd }: ScreenEvents): Screen {
  const { stdin, stdout } = process;
  const update = createLogUpdate(stdout, { showCursor: true }); // the cursor is ours
  let entered = true;
  const leave = () => {
    if (!entered) return;
    entered = false;
    try {
      stdin.setRawMode(false);
    } catch {
      // the terminal is gone: there is nothing to give back
    }
    stdin.pause();
    stdout.write(LEAVE);
  };
  stdout.on('error', () => onEnd(0)); // nobody sees it any more
  stdin.on('error', () => onEnd(0));
  stdin.on('end', () => onEnd(0));
  for (const [signal, exitCode] of Object.entries(SIGNALS)) process.on(signal, () => onEnd(exitCode));
  process.on('exit', leave);
  stdout.on('resize', () => {
    if (!entered) return;
    update.done(); // what it has drawn was moved by the terminal
    stdout.write(CLEAR);
    onResize();
  });
  emitKeypressEvents(stdin);
  stdin.on('keypress', (text: string | undefined, key: Key) => {
    onKey(key.ctrl ? `ctrl-${key.name}` : (key.name ?? text ?? ''));
  });
  stdin.setRawMode(true);
  stdin.resume();
  stdout.write(ENTER);
  return {
    paint: (text) => {
      if (entered) update(text);
    },
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return (stdout.rows || 24) - 1;
    },
    leave,
  };
}
