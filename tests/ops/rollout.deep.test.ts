/** Rollout and rollback, as the document has them, on a service with a client. */
import { writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { HttpPeer, startService } from '../support/http.ts';
import { tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { shows } from '../support/shows.ts';
import { guide } from './guide.ts';

const rollout = guide('docs/rollout.md');
/** `node` in the commands is the one that runs this test. */
const env = { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

/** A home with server.js and server-2.js, which differ in nothing but their name. */
function place(): string {
  const home = tempHome();
  const fixture = pathToFileURL(worker('echo')[1]!).href;
  for (const file of ['server.js', 'server-2.js'])
    writeFileSync(join(home, file), `import(${JSON.stringify(fixture)});`);
  const config = { name: 'files', isolation: 'shared', command: ['node', 'server.js'] };
  writeFileSync(join(home, 'segue.json'), JSON.stringify(config), { mode: 0o600 });
  return home;
}

const start = (home: string) => startService({ home, env, args: ['--config', 'segue.json'] });

shows(
  'M5',
  'a new server comes out and is taken back, then a configuration, then Segue, under one client',
  async () => {
    const home = place();
    const service = await start(home);
    const peer = new HttpPeer(service.url);
    await peer.open();
    const step = async (heading: string) => {
      const { codes, printed } = await rollout.follow(heading, home, env);
      expect(
        codes.filter((code) => code !== 0),
        printed,
      ).toEqual([]);
      return printed;
    };
    const generation = async (client: HttpPeer) => JSON.parse(textOf(await client.call('whoami'))).generation;

    await step('Before');
    await step('A new version of the server');
    expect(await step('Back to the old server')).toContain('error_recovery');
    await step('A new configuration');
    expect(await generation(peer)).toBe(4);

    service.kill('SIGTERM');
    await service.exited;
    const next = await start(home);
    const same = new HttpPeer(next.url);
    Object.assign(same, { session: peer.session, version: peer.version });
    expect(textOf(await same.call('echo', { text: 'still there' }))).toBe('still there');
    await step('A new Segue');

    next.kill('SIGTERM');
    await next.exited;
    await step('Back to the old Segue');
  },
);
