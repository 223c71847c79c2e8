/** A chaos run: scenes, calls that never cease, and a plan of faults that the seed alone decides. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { check, type Violation } from '../history/check.ts';
import { History } from '../history/history.ts';
import { killAll, processesWith } from '../support/processes.ts';
import { HttpScene } from './http-scene.ts';
import { OrchestratorScene } from './orchestrator-scene.ts';
import { Random } from './random.ts';
import { rowsOf, type Scene, type Stage } from './scene.ts';
import { StdioScene } from './stdio-scene.ts';

export type Mode = 'mixed' | 'between-messages';

export interface Plan {
  seed: number;
  mode: Mode;
  /** It ends with so many calls … */
  calls?: number;
  /** … or after this time. */
  minutes?: number;
  /** One fault in so many calls, on average. */
  callsPerFault: number;
  /** Only faults with this in their name. */
  only?: string;
  /** Of a server that is to be caught: how it goes wrong (tests/fixtures/workers/chaos.mjs). */
  sabotage?: string;
}

export interface Result {
  history: History;
  violations: Violation[];
  faults: Map<string, number>;
  durationMs: number;
  /** The last lines that the supervisor of each scene logged. */
  logs: Map<string, readonly string[]>;
}

/** By what the server declares of its tools: what is safe is repeated once. A recipe that is safe is run till it is done. */
const REPEATS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['echo', 'put', 'slow', 'count', 'sample'].map((tool) => [tool, 1])),
  again: Number.POSITIVE_INFINITY,
};
const CANCELLED = 0.04;
/** What takes its time takes at most this, or a few times this. */
const LONGEST_MS = 40;

export async function run(plan: Plan): Promise<Result> {
  const home = mkdtempSync(join(tmpdir(), 'sgc-'));
  try {
    return await new Run(plan, home).play();
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Run {
  readonly #plan: Plan;
  readonly #history = new History();
  readonly #faults = new Map<string, number>();
  readonly #random: Random;
  readonly #stage: Stage;
  readonly #scenes: Scene[];
  readonly #strikes = new Set<Promise<unknown>>();
  #later: { at: number; then: () => void }[] = [];
  #calls = 0;
  #begun = 0;
  #nextFault: number;
  #stopped = false;

  constructor(plan: Plan, home: string) {
    this.#plan = plan;
    this.#random = new Random(plan.seed);
    const execLog = join(home, 'executions');
    closeSync(openSync(execLog, 'w', 0o600));
    const after = (calls: number, then: () => void) => {
      if (this.#stopped) then();
      else this.#later.push({ at: this.#calls + calls, then });
    };
    this.#stage = {
      history: this.#history,
      execLog,
      home,
      random: this.#random.fork(),
      server: plan.sabotage === undefined ? [] : [plan.sabotage],
      after,
    };
    this.#nextFault = this.#gap();
    this.#scenes =
      plan.mode === 'between-messages'
        ? [
            new StdioScene('stdio', 'legacy', this.#stage, { betweenMessages: true }),
            new StdioScene('stdio-modern', 'modern', this.#stage, { betweenMessages: true }),
            new HttpScene('session', this.#stage, true),
            new HttpScene('shared', this.#stage, true),
          ]
        : [
            new StdioScene('stdio', 'legacy', this.#stage),
            new StdioScene('stdio-modern', 'modern', this.#stage),
            new StdioScene('upstream', 'legacy', this.#stage, { upstream: true }),
            new HttpScene('session', this.#stage),
            new HttpScene('shared', this.#stage),
            new OrchestratorScene(this.#stage),
          ];
  }

  async play(): Promise<Result> {
    const start = performance.now();
    try {
      for (const scene of this.#scenes) await scene.begin();
      const end = (this.#plan.minutes ?? Number.POSITIVE_INFINITY) * 60_000 + performance.now();
      await Promise.all(this.#scenes.map((scene) => this.#keepCalling(scene, end)));
      await Promise.all(this.#strikes);
      const logs = new Map(this.#scenes.map((scene) => [scene.name, scene.log()]));
      for (const scene of this.#scenes) await scene.end();
      return this.#judge(performance.now() - start, logs);
    } finally {
      for (const { name } of this.#scenes) killAll(processesWith(`HOME=${join(this.#stage.home, name)}`));
    }
  }

  #judge(durationMs: number, logs: Result['logs']): Result {
    const history = this.#history;
    for (const { tool, call, self: pid } of rowsOf(this.#stage.execLog)) {
      if (tool === 'start') history.starts.push(pid);
      else history.executions.push({ call, pid });
    }
    for (const scene of this.#scenes)
      if (scene.reboots > 0) this.#count(`${scene.name}: reboot between messages`, scene.reboots);
    return { history, violations: check(history), faults: this.#faults, durationMs, logs };
  }

  /** Each lane draws from a sequence of its own: how the others fare changes nothing in it. */
  async #keepCalling(scene: Scene, end: number): Promise<void> {
    const lanes = scene
      .clients()
      .flatMap((_, client) =>
        Array.from({ length: scene.lanes }, () => ({ client, random: this.#random.fork() })),
      );
    await Promise.all(lanes.map(({ client, random }) => this.#lane(scene, client, random, end)));
  }

  async #lane(scene: Scene, client: number, random: Random, end: number): Promise<void> {
    const { calls = Number.POSITIVE_INFINITY } = this.#plan;
    while (!this.#stopped && this.#begun < calls && this.#history.overdue === 0 && performance.now() < end) {
      this.#begun++;
      const tool = random.weighted(scene.tools);
      const args = { ms: random.int(0, LONGEST_MS) };
      const cancel = random.next() < CANCELLED;
      await scene.ready();
      await scene.clients()[client]!.call({ tool, args, repeats: REPEATS[tool] ?? 0, cancel });
      await new Promise(setImmediate); // a client that fails at once does not keep the others from their turn
      this.#ended();
    }
    this.#finish();
  }

  #ended(): void {
    this.#calls++;
    const due = this.#later.filter(({ at }) => at <= this.#calls);
    this.#later = this.#later.filter(({ at }) => at > this.#calls);
    for (const { then } of due) then();
    if (this.#plan.mode === 'between-messages' || this.#calls < this.#nextFault) return;
    this.#nextFault += this.#gap();
    const { only = '' } = this.#plan;
    const scene = this.#scenes[this.#random.int(0, this.#scenes.length - 1)]!;
    const possible = Object.entries(scene.faults).filter(([fault]) => fault.includes(only));
    if (possible.length === 0) return; // this scene has none of them
    const fault = this.#random.weighted(Object.fromEntries(possible));
    this.#count(`${scene.name}: ${fault}`, 1);
    const strike = scene.strike(fault).finally(() => this.#strikes.delete(strike));
    this.#strikes.add(strike);
  }

  /** Nobody calls on: what waits for other calls waits no longer. */
  #finish(): void {
    this.#stopped = true;
    for (const { then } of this.#later.splice(0)) then();
  }

  #gap(): number {
    const { callsPerFault } = this.#plan;
    return this.#random.int(Math.ceil(callsPerFault / 2), Math.floor(callsPerFault * 1.5));
  }

  #count(fault: string, times: number): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + times);
  }
}
