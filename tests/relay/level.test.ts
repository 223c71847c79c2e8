/** A log level is set again in each new server, if its predecessor took it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { restart, serve } from '../support/restarts.ts';

it('sets again the last level that a server took, not one that it refused', async () => {
  const home = tempHome();
  const heard = join(home, 'heard');
  const { client } = serve({ command: worker('levels'), home, env: { HEARD: heard } });
  await client.initialize();
  expect(await client.request('logging/setLevel', { level: 'error' })).toMatchObject({ result: {} });
  expect(await client.request('logging/setLevel', { level: 'loud' })).toMatchObject({
    error: { code: -32602 },
  });
  await restart(client);
  expect(readFileSync(heard, 'utf8').split('\n')).toEqual(['1 error', '1 loud', '2 error', '']);
});
