import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { serve, started } from '../support/restarts.ts';

it('says why a call was not repeated: it is not declared safe, or it was repeated before', async () => {
  const home = tempHome();
  const env = { CRASHES: join(home, 'crashes'), CRASH_LIMIT: '2' };
  const segue = serve({ command: worker('crash-on-call'), home, env });
  const { client } = segue;
  await client.initialize();
  await client.call('echo');
  const read = await client.call('crash_read', { call: 'read' });
  expect(read.error?.message).toContain('It had been repeated once already.');
  expect(segue.executions().filter(({ tool }) => tool === 'crash_read')).toHaveLength(2);
  rmSync(env.CRASHES, { force: true });
  const write = await client.call('crash_write', { call: 'write' });
  expect(write.error?.message).toContain('because it is not declared safe to repeat.');
  client.expectOneAnswerEach();
});

it('says so where the server had asked the client something meanwhile', async () => {
  const segue = serve({ command: worker('asks') });
  const { client } = segue;
  await client.initialize({ sampling: {} });
  const pid = await started(segue);
  const call = client.call('sample');
  await client.serverRequest('sampling/createMessage');
  process.kill(pid, 'SIGKILL');
  expect((await call).error?.message).toContain('had asked this client something meanwhile');
  await client.notification('notifications/cancelled');
  client.expectOneAnswerEach();
});
