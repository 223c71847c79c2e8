/** Clients of both eras at `segue serve`, which comes back to its port when it is killed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminClient } from '../../src/control/admin-client.ts';
import type { ChaosClient, Era } from './client.ts';
import { HttpClient } from './http-client.ts';
import { Segue } from './process.ts';
import { adminOf, type Scene, type Stage, type Strike, serversOf, signal, tolerant } from './scene.ts';
import { troubles } from './troubles.ts';

const PAUSE_CALLS = 15;
const ERAS: Era[] = ['legacy', 'legacy', 'modern', 'modern'];
const TOOLS = { echo: 4, put: 2, write: 4, slow: 2, slow_write: 2, count: 2, touch: 4 };

interface Life {
  segue: Segue;
  admin: AdminClient;
}

export class HttpScene implements Scene {
  readonly name: string;
  readonly lanes: number;
  reboots = 0;
  readonly tools: Readonly<Record<string, number>> = TOOLS;
  readonly faults: Readonly<Record<string, number>>;
  /** A reboot before each message, instead of faults of the plan. */
  readonly #betweenMessages: boolean;
  readonly #isolation: 'session' | 'shared';
  readonly #stage: Stage;
  readonly #home: string;
  readonly #clients: HttpClient[] = [];
  #port = 0;
  /** How often sessions have ended with a service, which had said so. */
  #epoch = 0;
  #life: Promise<Life>;
  #log: readonly string[] = [];

  constructor(isolation: 'session' | 'shared', stage: Stage, betweenMessages = false) {
    this.name = `http-${isolation}`;
    this.#isolation = isolation;
    this.#betweenMessages = betweenMessages;
    this.lanes = betweenMessages ? 1 : 2;
    this.#stage = stage;
    this.#home = join(stage.home, this.name);
    for (const folder of ['state', 'run'])
      mkdirSync(join(this.#home, folder), { recursive: true, mode: 0o700 });
    this.faults = Object.fromEntries(Object.entries(STRIKES).map(([fault, { weight }]) => [fault, weight]));
    this.#life = this.#start();
  }

  async begin(): Promise<void> {
    await this.#life;
    const scene = this;
    const before = async () => {
      if (!this.#betweenMessages) return;
      this.reboots++;
      await tolerant((await this.#life).admin.request('restart', {}));
    };
    const target = {
      get url() {
        return `http://127.0.0.1:${scene.#port}/mcp`;
      },
      up: async () => void (await this.#life),
      get epoch() {
        return scene.#epoch;
      },
    };
    const eras = this.#betweenMessages ? [...new Set(ERAS)] : ERAS;
    for (const [index, era] of eras.entries()) {
      const client = new HttpClient(`${this.name}.${era}.${index}`, era, this.#stage.history, target, before);
      await client.open();
      this.#clients.push(client);
    }
  }

  async ready(): Promise<void> {
    await this.#life;
  }

  clients(): readonly ChaosClient[] {
    return this.#clients;
  }

  strike(fault: string): Promise<unknown> {
    return STRIKES[fault]!.strike(this)();
  }

  log(): readonly string[] {
    return this.#log;
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.settle()));
    const { segue, admin } = await this.#life;
    admin.close();
    await segue.end();
  }

  get life(): Promise<Life> {
    return this.#life;
  }

  get stage(): Stage {
    return this.#stage;
  }

  anyone(): HttpClient {
    return this.#clients[this.#stage.random.int(0, this.#clients.length - 1)]!;
  }

  /** One of the servers that run. */
  async server(): Promise<number | undefined> {
    const { segue } = await this.#life;
    const servers = serversOf(this.#stage.execLog, segue.pid).slice(0, this.#isolation === 'shared' ? 2 : 3);
    return servers[this.#stage.random.int(0, Math.max(0, servers.length - 1))];
  }

  async killService(): Promise<void> {
    // Whoever is refused from now on waits for the next one; a second kill is one of the next one.
    const current = this.#life;
    this.#life = current.then(async ({ segue, admin }) => {
      admin.close();
      await segue.kill();
      if (segue.sessionsEnd) this.#epoch++;
      return this.#start();
    });
    await this.#life;
  }

  async #start(): Promise<Life> {
    const { execLog, server } = this.#stage;
    const args = ['serve', '--port', String(this.#port), '--isolation', this.#isolation];
    const segue = new Segue({ home: this.#home, execLog, args, server });
    this.#log = segue.log;
    const [admin, serving] = await Promise.all([adminOf(segue), segue.logged('"msg":"serving"')]);
    this.#port = Number(new URL((JSON.parse(serving) as { url: string }).url).port);
    return { segue, admin };
  }
}

const STRIKES: Record<string, { weight: number; strike(scene: HttpScene): Strike }> = {
  'reboot by tool': { weight: 3, strike: (scene) => () => tolerant(scene.anyone().restart({})) },
  'reboot of all by tool': {
    weight: 1,
    strike: (scene) => () => tolerant(scene.anyone().restart({ scope: 'all' })),
  },
  'reboot by operator': {
    weight: 3,
    strike: (scene) => async () => tolerant((await scene.life).admin.request('restart', {})),
  },
  'abrupt reboot': {
    weight: 1,
    strike: (scene) => async () => tolerant((await scene.life).admin.request('restart', { graceful: false })),
  },
  'server killed': { weight: 4, strike: (scene) => async () => signal(await scene.server(), 'SIGKILL') },
  'server stopped and continued': {
    weight: 2,
    strike: (scene) => async () => {
      const server = await scene.server();
      signal(server, 'SIGSTOP');
      scene.stage.after(PAUSE_CALLS, () => signal(server, 'SIGCONT'));
    },
  },
  'server hung': { weight: 1, strike: (scene) => async () => signal(await scene.server(), 'SIGSTOP') },
  'server exits': {
    weight: 2,
    strike: (scene) => () => scene.anyone().call({ tool: 'exit', repeats: 0 }),
  },
  garbage: { weight: 1, strike: (scene) => () => scene.anyone().call({ tool: 'noise', repeats: 1 }) },
  'slow reader': {
    weight: 2,
    strike: (scene) => async () => {
      const client = scene.anyone();
      const resume = client.pause();
      void client.call({ tool: 'pour', repeats: 1 });
      scene.stage.after(PAUSE_CALLS, resume);
    },
  },
  ...troubles<HttpScene>(
    ({ stage }) => stage,
    ({ life }) => life,
  ),
  'service killed': { weight: 3, strike: (scene) => () => scene.killService() },
  'service killed in a reboot': {
    weight: 2,
    strike: (scene) => async () => {
      const rebooted = tolerant((await scene.life).admin.request('restart', {}));
      await scene.killService();
      await rebooted;
    },
  },
};
