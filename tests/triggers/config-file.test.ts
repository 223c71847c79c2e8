/** The configuration file is changed while Segue runs: what counts from the next reboot on, and what a mistake does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LIVE_KEYS } from '../../src/config/live.ts';
import { type ConfigInput, configSchema } from '../../src/config.ts';
import { hashOf } from '../../src/front/http/access/tokens.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { ROOT, tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { adminOf, restart, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

const CONFIG: ConfigInput = { environment: { set: { MODE: 'old' } } };

shows(
  'M4',
  'it is read again at each reboot; a wrong one keeps the old one, and the report says why',
  async () => {
    const home = tempHome();
    const segue = serve({ command: worker('echo'), config: CONFIG, home });
    const { client } = segue;
    const write = (config: object | string) =>
      writeFileSync(join(home, 'segue.json'), typeof config === 'string' ? config : JSON.stringify(config));
    const mode = async () => JSON.parse(textOf(await client.call('whoami'))).env.MODE as string;
    await client.initialize();
    expect(await mode()).toBe('old');

    write({ environment: { set: { MODE: 'new' } }, timing: { drainMs: 7_000 }, handover: 'overlap' });
    expect(await restart(client)).toMatchObject({ success: true, errors: [] });
    expect(await mode()).toBe('new');
    expect(await segue.logged(/need a new process/)).toContain('"settings":["handover"]');

    write('{ "environment": ');
    const unread = await restart(client);
    expect(unread).toMatchObject({
      success: true,
      errors: [
        { code: 'INVALID_PARAMETERS', message: expect.stringMatching(/not taken.*not valid JSON: line 1/) },
      ],
    });
    write({ timing: { drainMs: -1 } });
    expect((await restart(client)).errors[0]?.message).toMatch(/not taken.*"timing\.drainMs"/);
    expect(await mode()).toBe('new');

    write(CONFIG);
    expect(await restart(client)).toMatchObject({ success: true, errors: [] });
    expect(await mode()).toBe('old');
    client.expectOneAnswerEach();
  },
);

it('a token that is taken out is refused from the next reboot on, a new one is accepted', async () => {
  const tokens = (...names: string[]) =>
    names.map((name) => ({ name, role: 'client' as const, sha256: hashOf(name) }));
  const home = tempHome();
  const config = { http: { tokens: tokens('first', 'leaver') } };
  const service = await startService({ command: worker('echo'), config, home });
  const status = async (token: string) => {
    const peer = new HttpPeer(service.url, { token });
    return (await peer.post({ id: 1, method: 'ping' })).status;
  };
  const first = new HttpPeer(service.url, { token: 'first' });
  await first.open();
  expect(await status('leaver')).not.toBe(401);
  writeFileSync(join(home, 'segue.json'), JSON.stringify({ http: { tokens: tokens('first', 'joiner') } }));
  expect(await (await adminOf(service)).request('restart')).toMatchObject({ success: true });
  expect(await status('leaver')).toBe(401);
  expect(await status('joiner')).not.toBe(401);
  expect(textOf(await first.call('echo', { text: 'still here' }))).toBe('still here');
});

it('is watched like any file: a wrong one reboots nobody, and is said at once', async () => {
  const home = tempHome();
  const segue = serve({ command: worker('echo'), config: CONFIG, home, args: ['--watch', 'segue.json'] });
  const { client } = segue;
  await client.initialize();
  await segue.logged(/files are watched/);
  writeFileSync(join(home, 'segue.json'), '{ "enviroment": {} }');
  expect(await segue.logged(/configuration file is wrong/)).toContain('did you mean \\"environment\\"');
  writeFileSync(join(home, 'segue.json'), JSON.stringify({ environment: { set: { MODE: 'new' } } }));
  await segue.logged(/"from":"rebooting","to":"watching"/);
  expect(JSON.parse(textOf(await client.call('whoami')))).toMatchObject({
    generation: 2,
    env: { MODE: 'new' },
  });
});

it('the keys that may change exist, and the documents name all of them', () => {
  const config: unknown = configSchema.parse({});
  const document = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  for (const key of LIVE_KEYS) {
    const value = key
      .split('.')
      .reduce((section, part) => (section as Record<string, unknown>)[part], config);
    expect(value, key).toBeDefined();
    expect(document).toMatch(
      new RegExp(`^\\| \`${key.replaceAll('.', '\\.')}(\\.\\*)?\` \\|.*(call|worker|reboot|request)`, 'm'),
    );
  }
});
