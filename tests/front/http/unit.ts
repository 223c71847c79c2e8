/** `segue serve` as a socket unit runs it: the socket is there before it and after it, and it is started anew whenever it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { environmentOf, ROOT } from '../../support/launch.ts';

export interface Unit {
  /** `http://127.0.0.1:<port>/mcp` */
  url: string;
  /** Of the service that answers now; waits in the socket's queue while none does. */
  pid(): Promise<number>;
}

export async function startUnit(
  home: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Unit> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
  const fixture = (name: string) => join(import.meta.dirname, `fixtures/${name}.ts`);
  // Its own port must not matter.
  const argv = [fixture('socket-unit'), fixture('activated'), 'serve', '--port', '1', ...args];
  const unit = spawn(process.execPath, argv, {
    stdio: ['pipe', 'ignore', 'ignore', fd],
    env: { ...environmentOf(home), ...env },
    cwd: ROOT,
  });
  onTestFinished(async () => {
    unit.stdin!.end();
    await once(unit, 'exit');
  });
  await once(unit, 'spawn');
  holder.close();
  const pid = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } });
    return ((await answer.json()) as { pid: number }).pid;
  };
  return { url: `http://127.0.0.1:${port}/mcp`, pid };
}
