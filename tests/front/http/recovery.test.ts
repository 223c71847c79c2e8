/** What a client of the legacy era notices when the service itself is killed and started again: a broken connection. */
import { describe, expect } from 'vitest';
import { HttpPeer, type Service, startService } from '../../support/http.ts';
import { tempHome, worker } from '../../support/launch.ts';
import { textOf } from '../../support/raw-client.ts';
import { shows } from '../../support/shows.ts';
import { Stage } from '../../support/stage.ts';

const UPDATED = 'notifications/resources/updated';

async function killed(service: Service): Promise<void> {
  service.kill('SIGKILL');
  await service.exited;
}

describe.each(['session', 'shared'] as const)(
  'isolation %s: the service is killed and started again',
  (isolation) => {
    const args = ['--isolation', isolation];

    shows('D3 F5', 'the session of a client goes on under its id', async () => {
      const home = tempHome();
      const first = await startService({ home, args, command: worker('echo') });
      const peer = new HttpPeer(first.url);
      await peer.open();
      await (
        await peer.post({ id: 1, method: 'resources/subscribe', params: { uri: 'test://note' } })
      ).answer(1);
      await killed(first);
      await startService({ home, args, port: first.port, command: worker('echo') });
      const list = await (await peer.post({ id: 2, method: 'tools/list' })).answer(2);
      expect(list.result).toHaveProperty('tools');
      const stream = await peer.get();
      expect(stream.status).toBe(200);
      await peer.call('touch_note');
      expect(await stream.next(({ method }) => method === UPDATED)).toBeDefined();
    });

    shows('D3', 'it goes on hearing of what it had subscribed to at Segue itself', async () => {
      const home = tempHome();
      const first = await startService({ home, args, command: worker('echo') });
      const peer = new HttpPeer(first.url);
      await peer.open();
      const uri = 'reboot://status';
      await (await peer.post({ id: 1, method: 'resources/subscribe', params: { uri } })).answer(1);
      await killed(first);
      await startService({ home, args, port: first.port, command: worker('echo') });
      const { pid } = JSON.parse(textOf(await peer.call('whoami')));
      const stream = await peer.get();
      process.kill(pid, 'SIGKILL');
      await stream.next(({ method, params }) => method === UPDATED && params?.uri === uri);
    });

    shows('D3 F5', 'a call that was never sent is sent, and its answer waits for the client', async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const options = { home, args, command: worker('gated'), env: stage.env };
      const first = await startService(options);
      const peer = new HttpPeer(first.url);
      await peer.open();
      stage.hold('initialize');
      const admin = await peer.post({
        id: 'r',
        method: 'tools/call',
        params: { name: 'echo', arguments: { text: 'before' } },
      });
      await admin.answer('r');
      const worker1 = await stage.player();
      process.kill(worker1.pid, 'SIGKILL'); // its successor waits in its handshake: the gate holds
      await stage.at('initialize');
      const call = await peer.post({
        id: 'held',
        method: 'tools/call',
        params: { name: 'work', arguments: { call: 'held' } },
      });
      const { id } = await call.events.next();
      await killed(first);
      stage.release('initialize').goAll();
      await startService({ ...options, port: first.port });
      const rest = await peer.get(id);
      expect(rest.status).toBe(200);
      expect(await rest.answer('held')).toMatchObject({ result: { content: [{ text: 'worked' }] } });
      await rest.body;
      expect(first.executions().filter(({ call: made }) => made === 'held')).toHaveLength(1);
    });

    shows('D3 F5', 'of a call that was at work the client is told that its outcome is unknown', async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const options = { home, args, command: worker('gated'), env: stage.env };
      stage.hold('tools/call work');
      const first = await startService(options);
      const peer = new HttpPeer(first.url);
      await peer.open();
      const call = await peer.post({
        id: 7,
        method: 'tools/call',
        params: { name: 'work', arguments: { call: 'cut' } },
      });
      const { id } = await call.events.next();
      await stage.at('tools/call work');
      await killed(first);
      stage.release('tools/call work');
      await startService({ ...options, port: first.port });
      const rest = await peer.get(id);
      expect(await rest.answer(7)).toMatchObject({
        error: { data: { code: 'OUTCOME_UNKNOWN', tool: 'work' } },
      });
      await rest.body;
      expect(first.executions().filter(({ call: made }) => made === 'cut')).toHaveLength(0);
    });
  },
);

shows(
  'F39',
  'clients that did not come back since the service was killed take nobody the place',
  async () => {
    const home = tempHome();
    const options = {
      home,
      command: worker('echo'),
      set: { isolation: 'shared', 'http.limits.maxSessions': '2' },
    };
    const first = await startService(options);
    const [gone, back] = [new HttpPeer(first.url), new HttpPeer(first.url)];
    await gone.open();
    await back.open();
    await killed(first);
    const { port } = first;
    const { url } = await startService({ ...options, port });
    expect((await back.call('echo', { text: 'x' })).result).toBeDefined();
    expect(await new HttpPeer(url).open()).toHaveProperty('result');
    expect((await back.call('echo', { text: 'x' })).result).toBeDefined();
    expect((await gone.post({ id: 1, method: 'ping' })).status).toBe(404);
  },
);
