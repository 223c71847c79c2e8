/** Runs `segue <args>` to its end as a real process, in the surroundings of `home`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { segueLaunch } from '../support/launch.ts';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function segue(
  home: string,
  args: readonly string[],
  options: { command?: string[]; env?: Record<string, string> } = {},
): Promise<Finished> {
  const launch = segueLaunch({ home, args: [...args], ...options });
  const child = spawn(launch.command, launch.args, {
    env: launch.env,
    cwd: launch.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, stdout, stderr };
}
