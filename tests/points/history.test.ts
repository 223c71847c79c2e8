/** What a person is told of a reboot in which Segue itself was killed. */
import { expect } from 'vitest';
import { segue } from '../cli/cli.ts';
import { shows } from '../support/shows.ts';
import { killSupervisor } from './supervisor.ts';

shows(
  'F5 F11',
  'segue history says where Segue died, what the next start ended, and that state was lost',
  async () => {
    const { home, orphans, report } = await killSupervisor('reboot', {
      at: 'after transition stopping.close',
    });
    expect(orphans).toHaveLength(1);
    const list = await segue(home, ['history']);
    expect(list.stdout).toMatch(/manual_request .* abandoned/);
    const one = await segue(home, ['history', report!.reboot_id]);
    expect(one.stdout).toMatch(/^recovery {3}Segue died in stopping\.close$/m);
    expect(one.stdout).toMatch(new RegExp(`the next start, ended its servers: ${orphans[0]}$`, 'm'));
    expect(one.stdout).toContain('the supervisor died during this reboot');
    expect(one.stdout).toMatch(/^state {6}Lost with Segue: .* It is in the snapshot \S+\.$/m);
  },
);
