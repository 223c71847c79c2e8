/** One client, one supervisor over stdio. A supervisor that is killed takes its client with it; the next one is new. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import type { ConfigInput } from '../../src/config.ts';
import type { AdminClient } from '../../src/control/admin-client.ts';
import { databaseFile, stateDirectory } from '../../src/state/directory.ts';
import { freePort } from '../support/port.ts';
import type { Json } from '../support/raw-client.ts';
import type { ChaosClient, Era } from './client.ts';
import { Segue } from './process.ts';
import { adminOf, rowsOf, type Scene, type Stage, type Strike, signal, tolerant } from './scene.ts';
import { StdioClient } from './stdio-client.ts';
import { troubles } from './troubles.ts';

const PAUSE_CALLS = 15;
/** Some seconds: longer than Segue waits for it. */
const LOCK_CALLS = 400;

/**
 * What a server over HTTP prints is no message; and one that was left behind where no disk could say so keeps its port, so
 * that the next one does not start.
 */
const NOT_UPSTREAM = ['garbage', 'supervisor killed, then its disk full'];

export interface Kind {
  /** A reboot before each message, instead of faults of the plan. */
  betweenMessages?: boolean;
  /** The server is the task orchestrator, with this configuration. */
  tasks?: ConfigInput;
  /** The server speaks HTTP. */
  upstream?: boolean;
}

interface Life {
  segue: Segue;
  client: StdioClient;
  admin: AdminClient;
}

export class StdioScene implements Scene {
  readonly name: string;
  readonly lanes: number;
  readonly tools: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly #stage: Stage;
  readonly #era: Era;
  readonly #home: string;
  readonly #betweenMessages: boolean;
  readonly #tasks: ConfigInput | undefined;
  readonly #upstream: boolean;
  #upstreamPort: number | undefined;
  readonly #said: Promise<void>[] = [];
  #life: Life | undefined;
  #ready: Promise<void> = Promise.resolve();
  #lives = 0;
  /** How many reboots came between messages. */
  reboots = 0;

  constructor(
    name: string,
    era: Era,
    stage: Stage,
    { betweenMessages = false, tasks, upstream = false }: Kind = {},
  ) {
    this.name = name;
    this.#era = era;
    this.#stage = stage;
    this.#home = join(stage.home, name);
    for (const folder of ['state', 'run'])
      mkdirSync(join(this.#home, folder), { recursive: true, mode: 0o700 });
    this.#betweenMessages = betweenMessages;
    this.#tasks = tasks;
    this.#upstream = upstream;
    this.lanes = betweenMessages ? 1 : 3;
    const legacy = era === 'legacy' && !upstream ? { add: 4, sample: 1 } : {};
    this.tools = { echo: 4, put: 2, write: 4, slow: 2, slow_write: 2, count: 2, ...legacy };
    this.faults = Object.fromEntries(
      Object.entries(STRIKES)
        .filter(([fault]) => !upstream || !NOT_UPSTREAM.includes(fault))
        .map(([fault, { weight }]) => [fault, weight]),
    );
  }

  async begin(fullDisk = false): Promise<void> {
    const { execLog, server } = this.#stage;
    if (this.#upstream) this.#upstreamPort ??= await freePort();
    const segue = new Segue({
      home: this.#home,
      execLog,
      args: ['--name', this.name],
      fullDisk,
      ...(this.#upstreamPort === undefined ? {} : { upstreamPort: this.#upstreamPort }),
      ...(this.#tasks ? { config: this.#tasks } : { server }),
    });
    let admin: AdminClient | undefined;
    const before = async () => {
      if (!this.#betweenMessages || !admin) return;
      this.reboots++;
      await tolerant(admin.request('restart', {}));
    };
    const opened = adminOf(segue);
    const client = new StdioClient(
      `${this.name}.${++this.#lives}`,
      this.#era,
      this.#stage.history,
      segue,
      before,
    );
    client.onNotice = (data) => this.#noticed(client, segue, opened, data);
    // The socket opens with the first message; the reboots begin behind it.
    void opened.then((socket) => {
      admin = socket;
    });
    const open = client.open();
    this.#life = { segue, client, admin: await opened };
    await open;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  clients(): readonly ChaosClient[] {
    return [this.#life!.client];
  }

  strike(fault: string): Promise<unknown> {
    return STRIKES[fault]!.strike(this)();
  }

  log(): readonly string[] {
    return this.#life!.segue.log;
  }

  async end(): Promise<void> {
    await Promise.all(this.#said);
    this.#life!.admin.close();
    await this.#life!.segue.end();
  }

  get life(): Life {
    return this.#life!;
  }

  get server(): number | undefined {
    return this.life.segue.server;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** `fullDisk`: the next one finds its disk full, till it is killed in its turn. */
  async killSupervisor(fullDisk = false): Promise<void> {
    this.#ready = this.#ready.then(async () => {
      this.life.admin.close();
      await this.life.segue.kill();
      await this.begin(fullDisk);
    });
    await this.#ready;
  }

  /** Another process writes to the database, and takes its time. */
  lockDatabase(): void {
    const directory = stateDirectory(this.name, { XDG_STATE_HOME: join(this.#home, 'state') });
    const database = new BetterSqlite3(databaseFile(directory), { timeout: 0 });
    try {
      database.exec('BEGIN IMMEDIATE');
    } catch {
      // Segue itself writes just now: it is locked already.
    }
    this.#stage.after(LOCK_CALLS, () => database.close());
  }

  /** What is said of the state of a server: by its report, which the notice names. */
  #noticed(client: ChaosClient, { pid: supervisor }: Segue, admin: Promise<AdminClient>, data: Json): void {
    if (data.event !== 'restart_finished') return;
    const report = admin.then((socket) => socket.request('report', { reboot_id: data.reboot_id }));
    const lost = report.then(
      (told) =>
        told === null ||
        told.worker_state?.restored === false ||
        /checkpoint/.test(told.worker_state?.detail ?? ''),
      () => true, // killed before it could be asked
    );
    this.#said.push(
      lost.then((is) => {
        const rows = rowsOf(this.#stage.execLog);
        const started = rows.find(
          (row) => row.tool === 'start' && row.parent === supervisor && row.generation === data.generation,
        );
        if (is && started) this.#stage.history.losses.push({ client: client.name, pid: started.self });
      }),
    );
  }
}

/** Each with how often, and what it does. */
const STRIKES: Record<string, { weight: number; strike(scene: StdioScene): Strike }> = {
  'reboot by tool': {
    weight: 4,
    strike:
      ({ life }) =>
      () =>
        tolerant(life.client.restart({})),
  },
  'reboot by operator': {
    weight: 4,
    strike:
      ({ life }) =>
      () =>
        tolerant(life.admin.request('restart', {})),
  },
  'abrupt reboot': {
    weight: 2,
    strike:
      ({ life }) =>
      () =>
        tolerant(life.admin.request('restart', { graceful: false })),
  },
  'reboot and abort': {
    weight: 2,
    strike:
      ({ life }) =>
      async () => {
        const rebooted = tolerant(life.admin.request('restart', {}));
        await tolerant(life.admin.request('abort', {}));
        await rebooted;
      },
  },
  'server killed': { weight: 4, strike: (scene) => async () => signal(scene.server, 'SIGKILL') },
  'server killed in a reboot': {
    weight: 2,
    strike: (scene) => async () => {
      const rebooted = tolerant(scene.life.admin.request('restart', {}));
      signal(scene.server, 'SIGKILL');
      await rebooted;
    },
  },
  'server stopped and continued': {
    weight: 2,
    strike: (scene) => async () => {
      const { server } = scene;
      signal(server, 'SIGSTOP');
      scene.stage.after(PAUSE_CALLS, () => signal(server, 'SIGCONT'));
    },
  },
  'server hung': { weight: 1, strike: (scene) => async () => signal(scene.server, 'SIGSTOP') },
  'server exits': {
    weight: 2,
    strike:
      ({ life }) =>
      () =>
        life.client.call({ tool: 'exit', repeats: 0 }),
  },
  garbage: {
    weight: 2,
    strike:
      ({ life }) =>
      () =>
        life.client.call({ tool: 'noise', repeats: 1 }),
  },
  'slow reader': {
    weight: 2,
    strike:
      ({ life, stage }) =>
      async () => {
        life.client.pause();
        stage.after(PAUSE_CALLS, () => life.client.resume());
      },
  },
  'database locked': { weight: 2, strike: (scene) => async () => scene.lockDatabase() },
  'supervisor killed, then its disk full': { weight: 1, strike: (scene) => () => scene.killSupervisor(true) },
  ...troubles<StdioScene>(
    ({ stage }) => stage,
    ({ life }) => life,
  ),
  'supervisor killed': { weight: 2, strike: (scene) => () => scene.killSupervisor() },
};
