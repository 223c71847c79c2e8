/** What comes to a reboot that is going on: an emergency, and a wish for another command (F33). */
import { expect } from 'vitest';
import { tempHome, worker } from '../support/launch.ts';
import { adminOf, restart, serve } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

async function closing() {
  const home = tempHome();
  const stage = await Stage.open(home);
  const segue = serve({ command: worker('gated'), home, env: stage.env });
  await segue.client.initialize();
  stage.hold('exit');
  const reboot = restart(segue.client, { reason: 'configuration_update' });
  const { go } = await stage.at('exit');
  stage.release('exit');
  return { reboot, go, admin: await adminOf(segue) };
}

shows('F33', 'an emergency joins: one report, which says that it became one', async () => {
  const { reboot, admin } = await closing();
  const joined = await admin.request('restart', { reason: 'emergency_shutdown' });
  const report = await reboot;
  expect(joined).toEqual(report);
  expect(report).toMatchObject({
    success: true,
    graceful: false,
    restart_reason: 'emergency_shutdown',
    requested_by: 'admin socket',
    last_exit: { signal: 'SIGKILL' },
  });
  expect(await admin.request('history', { limit: 10 })).toEqual([report]);
});

shows('F33', 'another command is refused meanwhile, not forgotten', async () => {
  const { reboot, admin, go } = await closing();
  const changed = { command: worker('gated', 'new') };
  const refused = admin.request('restart', changed);
  await expect(refused).rejects.toMatchObject({ code: 'SYSTEM_NOT_READY', retryAfterS: 1 });
  go();
  expect(await reboot).toMatchObject({ success: true, restart_reason: 'configuration_update' });
  expect(await admin.request('restart', changed)).toMatchObject({ success: true });
  const { command } = await admin.request('info');
  expect(command.at(-1)).toBe('new');
});
