/** HTTP on both sides: `segue serve` in front of one HTTP server, which keeps the clients apart itself. */
import { expect } from 'vitest';
import { HttpPeer, type Service, startService } from '../support/http.ts';
import { tempHome } from '../support/launch.ts';
import { freePort } from '../support/port.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { jsonOf, server } from './upstream.ts';

interface Who {
  session: string;
  generation: number;
}

async function options() {
  const port = await freePort();
  const args = ['--upstream', `http://127.0.0.1:${port}/mcp`];
  return { home: tempHome(), command: server('legacy'), args, env: { PORT: String(port) } };
}

async function opened({ url }: Service): Promise<HttpPeer> {
  const peer = new HttpPeer(url);
  await peer.open();
  return peer;
}

const who = async (peer: HttpPeer) => jsonOf<Who>(await peer.call('whoami'));

shows(
  'F26 F56 D3',
  'two clients have a session each behind the same server, also after its reboot',
  async () => {
    const service = await startService(await options());
    const [one, other] = [await opened(service), await opened(service)];
    expect(textOf(await one.call('keep', { what: 'of one' }))).toBe('kept');
    expect(jsonOf(await other.call('kept'))).toEqual({ kept: null, generation: 1 });
    const admin = await adminOf(service);
    expect(await admin.request('restart')).toMatchObject({ success: true });
    const [first, second] = [await who(one), await who(other)];
    expect([first.generation, second.generation]).toEqual([2, 2]);
    expect(first.session).not.toBe(second.session);
  },
);

shows(
  'D3 F5',
  'a killed service leaves a server behind: the next start ends it and the clients go on',
  async () => {
    const launch = await options();
    const service = await startService(launch);
    const peer = await opened(service);
    const before = await who(peer);
    service.kill('SIGKILL');
    await service.exited;
    await startService({ ...launch, port: service.port });
    const after = await who(peer);
    expect(after.session).not.toBe(before.session);
  },
);
