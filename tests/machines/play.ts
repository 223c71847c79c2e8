/** One machine under a test's hand: the test plays the services and the clock. */
import { type AnyActorRef, createActor, fromCallback, fromPromise } from 'xstate';
import { messageOf, progressOf, stateOf, trafficOf } from '../../machines/progress.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import type { Command, Phase, RebootContext, Run, Services, Settings } from '../../machines/types.ts';
import { anExit, anInput, aRun, done, error, type WorldEvent } from './model.ts';

type PromiseName = Exclude<keyof Services, 'watch' | 'checkpoints'>;

function silent<Name extends PromiseName>() {
  return fromPromise<Services[Name]['output'], Services[Name]['input']>(() => new Promise(() => {}));
}

/** Its services never report by themselves. */
export const silentMachine = rebootMachine.provide({
  actors: {
    watch: fromCallback(() => {}),
    checkpoints: fromCallback(() => {}),
    maintenance: silent<'maintenance'>(),
    suspend: silent<'suspend'>(),
    serialize: silent<'serialize'>(),
    undo: silent<'undo'>(),
    close: silent<'close'>(),
    kill: silent<'kill'>(),
    cleanup: silent<'cleanup'>(),
    spawn: silent<'spawn'>(),
    opening: silent<'opening'>(),
    restore: silent<'restore'>(),
    reconnect: silent<'reconnect'>(),
    reap: silent<'reap'>(),
    farewell: silent<'farewell'>(),
    deadline: silent<'deadline'>(),
  },
});

export class Play {
  readonly actor;
  /** The present moment; each event comes 10 ms after the one before. */
  now = 1_000_000;
  private runs = 0;

  constructor(change: Partial<Settings> = {}) {
    this.actor = createActor(silentMachine, { input: anInput(change) });
    this.actor.start();
  }

  get state(): string {
    return stateOf(this.actor.getSnapshot());
  }
  get traffic(): string {
    return trafficOf(this.actor.getSnapshot());
  }
  get progress(): number {
    return progressOf(this.actor.getSnapshot());
  }
  get message(): string {
    return messageOf(this.actor.getSnapshot());
  }
  get context(): RebootContext {
    return this.actor.getSnapshot().context;
  }
  get services(): string[] {
    return Object.keys(this.actor.getSnapshot().children);
  }
  get reaping(): string {
    return this.actor.getSnapshot().value.reaping;
  }

  /** What the running service `id` was told. */
  input(id: string): Record<string, unknown> {
    const child = (this.actor.getSnapshot().children as Record<string, AnyActorRef | undefined>)[id];
    if (!child) throw new Error(`${id} is not running in ${this.state}`);
    return (child.getPersistedSnapshot() as unknown as { input: Record<string, unknown> }).input;
  }

  send(event: WorldEvent): this {
    this.actor.send(event as Parameters<typeof this.actor.send>[0]);
    return this;
  }

  private tick(): number {
    this.now += 10;
    return this.now;
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  done(id: string, output: object = {}): this {
    return this.send(done(id, { at: this.tick(), ...output }));
  }

  fail(id: string, fields: object = {}): this {
    return this.send(error(id, { at: this.tick(), ...fields }));
  }

  /** The deadline of `id` comes, when it should. */
  overdue(id: string): this {
    this.now = this.input(`deadline.${id}`).at as number;
    return this.send(done(`deadline.${id}`, { at: this.now }));
  }

  spawned(validated = true): this {
    const { generation } = this.context;
    return this.done('spawn', { validated, worker: { generation, pid: 100 + generation, startTime: '1' } });
  }

  run(trigger: Run['trigger'], change: Partial<Run> = {}): Run {
    this.runs += 1;
    return aRun(`${trigger}-${this.runs}`, trigger, this.now, change);
  }

  request(change: Partial<Run> = {}, command?: Command): this {
    this.tick();
    const run = this.run('request', change);
    return this.send({ type: 'reboot.request', run, ...(command ? { command } : {}) });
  }

  reset(command?: Command): this {
    this.tick();
    return this.send({ type: 'operator.reset', run: this.run('reset'), ...(command ? { command } : {}) });
  }

  emergency(): this {
    this.tick();
    return this.send({ type: 'emergency', run: this.run('request', { graceful: false }) });
  }

  abort(): this {
    return this.send({ type: 'reboot.abort', at: this.tick(), by: 'test' });
  }

  shutdown(): this {
    return this.send({ type: 'shutdown', at: this.tick() });
  }

  exits(code = 1, generation = this.context.generation): this {
    const exit = anExit(generation, this.tick(), code);
    return this.send({ type: 'process.exited', exit, run: this.run('crash') });
  }

  hangs(generation = this.context.generation): this {
    const run = this.run('unhealthy');
    return this.send({ type: 'worker.unhealthy', generation, message: 'It hangs.', at: this.tick(), run });
  }

  /** On from the present phase, each service doing what it was asked, until `phase` has begun or the worker serves. */
  through(phase: Phase | 'idle'): this {
    for (let steps = 0; steps < 20 && !this.state.endsWith(phase); steps += 1) {
      const id = this.state.split('.').at(-1) ?? '';
      if (id === 'backoff') this.overdue('backoff');
      else if (id === 'spawn') this.spawned();
      else if (id === 'close' || id === 'kill')
        this.done(id, { exit: anExit(this.context.generation, this.now) });
      else if (id === 'serialize') this.done(id, { snapshotId: 'snapshot' });
      else this.done(id === 'aborting' ? 'undo' : id);
    }
    return this;
  }
}

/** A worker that serves, after a first start. */
export function served(change: Partial<Settings> = {}): Play {
  return new Play(change).through('idle');
}
