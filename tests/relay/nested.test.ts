/** Segue behind Segue: each has ids of its own making, and takes none of the other's for its own. */
import { expect } from 'vitest';
import { segueLaunch, tempHome, worker } from '../support/launch.ts';
import { textOf } from '../support/raw-client.ts';
import { serve, structured } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';

shows(
  'F29',
  'a Segue as the server of another: both reboot, ping and ask, and every id finds its way',
  async () => {
    const home = tempHome();
    const inner = segueLaunch({ home: tempHome(), command: worker('asks') });
    const { client } = serve({ home, command: [inner.command, ...inner.args] });
    await client.initialize({ elicitation: {} });
    const { tools } = (await client.request('tools/list')).result as { tools: { name: string }[] };
    const names = tools.map(({ name }) => name);
    // Both have five tools of the same names: the outer's are renamed, so that all ten can be called.
    expect(names).toContain('segue_restart_server');
    expect(names).toContain('orchestrator_restart_server');
    const restartOf = (prefix: string) => client.call(`${prefix}_restart_server`);
    for (const prefix of ['segue', 'orchestrator', 'segue', 'orchestrator', 'orchestrator']) {
      expect(structured(await restartOf(prefix))).toMatchObject({ success: true });
      const call = client.call('elicit');
      const question = await client.serverRequest('elicitation/create');
      client.respond(question.id, { action: 'accept', content: { prefix } });
      expect(JSON.parse(textOf(await call))).toMatchObject({ content: { prefix } });
    }
    for (const prefix of ['segue', 'orchestrator']) {
      const test = client.call(`${prefix}_reconnect_test`);
      const ping = await client.serverRequest('ping');
      client.respond(ping.id, {});
      expect(structured(await test)).toMatchObject({ overall_status: 'pass' });
    }
    client.expectOneAnswerEach();
  },
);
