/** Clients by the rules of real applications, which end what is interrupted: none of them may notice a reboot. */
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { describe, expect, it } from 'vitest';
import { directLaunch, type Launch, segueLaunch, tempHome, worker } from '../support/launch.ts';
import { connectV1 } from '../support/sdk-clients.ts';
import { shows } from '../support/shows.ts';
import { Stage } from '../support/stage.ts';

/** What an application does when its server is slow or gone (protocol.md, "What real clients do"). */
interface Rules {
  /** A request that takes longer is given up; undefined: it waits for ever. */
  requestMs?: number;
  /** The next call starts a server that has exited again; else a person has to. */
  respawns: boolean;
}

const CLAUDE_DESKTOP: Rules = { requestMs: 60_000, respawns: false };
const VS_CODE: Rules = { respawns: true };
const NEVER_MS = 2 ** 31 - 1;

/** An application with one server, by its rules. */
class Application {
  starts = 0;
  readonly #launch: Launch;
  readonly #rules: Rules;
  #connection: Promise<Client> | null = null;
  readonly #ends = { count: 0, notify: () => {} };

  constructor(launch: Launch, rules: Rules) {
    this.#launch = launch;
    this.#rules = rules;
  }

  get ends(): number {
    return this.#ends.count;
  }

  /** Resolves at the next end of the connection. */
  get ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#ends.notify = resolve;
    });
  }

  /** @throws what the user of the application would get to see */
  async call(name: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const client = await this.#connected();
    const timeout = this.#rules.requestMs ?? NEVER_MS;
    return client.callTool({ name, arguments: args }, undefined, { timeout });
  }

  async text(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const { content } = await this.call(name, args);
    return (content as [{ text: string }])[0].text;
  }

  #connected(): Promise<Client> {
    if (this.#connection === null) {
      if (this.starts > 0 && !this.#rules.respawns) throw new Error('the server has to be restarted by hand');
      this.starts++;
      this.#connection = connectV1(this.#launch, {
        setUp: (client) => {
          client.onclose = () => {
            this.#connection = null;
            this.#ends.count++;
            this.#ends.notify();
          };
        },
      });
    }
    return this.#connection;
  }
}

/** Calls all the time, over four lanes; `stop` resolves with what was asked and what was answered. */
function traffic(application: Application) {
  let stopped = false;
  let calls = 0;
  const lane = async () => {
    const pairs: [asked: string, answered: string][] = [];
    while (!stopped) {
      const text = `call ${++calls}`;
      pairs.push([text, await application.text('slow', { text, ms: 10 })]);
    }
    return pairs;
  };
  const lanes = Promise.all([lane(), lane(), lane(), lane()]);
  return async () => {
    stopped = true;
    return (await lanes).flat();
  };
}

describe.each([
  ['Claude Desktop', CLAUDE_DESKTOP],
  ['VS Code', VS_CODE],
])('a client with the rules of %s', (_, rules) => {
  shows(
    'M7 G3',
    'lives through a restart, a kill and a restart under traffic; no answer is lost',
    async () => {
      const home = tempHome();
      const stage = await Stage.open(home);
      const application = new Application(
        segueLaunch({ command: worker('echo'), home, env: stage.env }),
        rules,
      );
      await application.text('echo', { text: 'hello' });
      const stop = traffic(application);
      for (const how of ['restart', 'kill', 'restart']) {
        const { pid, ended } = await stage.player('echo');
        if (how === 'kill') process.kill(pid, 'SIGKILL');
        else {
          const { structuredContent } = await application.call('orchestrator_restart_server');
          expect(structuredContent).toMatchObject({ success: true, requests: { failed: 0, expired: 0 } });
        }
        await ended;
        const { generation } = JSON.parse(await application.text('whoami'));
        expect(generation).toBeGreaterThan(1);
      }
      const answers = await stop();
      expect(answers.length).toBeGreaterThan(4);
      expect(answers.filter(([asked, answered]) => asked !== answered)).toEqual([]);
      expect(JSON.parse(await application.text('whoami')).generation).toBe(4);
      expect({ starts: application.starts, ends: application.ends }).toEqual({ starts: 1, ends: 0 });
    },
  );

  it('loses its call and its server where that is killed without Segue', async () => {
    const home = tempHome();
    const stage = (await Stage.open(home)).hold('tools/call slow');
    const launch = directLaunch(worker('echo'), { home, env: stage.env });
    const application = new Application(launch, rules);
    const lost = expect(application.text('slow')).rejects.toThrow('Connection closed');
    const { player } = await stage.at('tools/call slow');
    const end = application.ended;
    process.kill(player.pid, 'SIGKILL');
    await Promise.all([lost, end]);
    const next = application.text('echo', { text: 'again' });
    if (rules.respawns) expect(await next).toBe('again');
    else await expect(next).rejects.toThrow('by hand');
    expect({ starts: application.starts, ends: application.ends }).toEqual({
      starts: rules.respawns ? 2 : 1,
      ends: 1,
    });
  });
});
