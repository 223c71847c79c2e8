/**
 * A whole supervisor with its real services, held at every point where something can go one way or the other: hooks hold
 * the phases, the worker waits for orders, the clock stands still. Which way it goes is decided by provoke.ts.
 */
import { PassThrough } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { InspectionEvent } from 'xstate';
import { PHASES } from '../../machines/types.ts';
import {
  configSchema,
  createSupervisor,
  type Hook,
  prepareInput,
  type Session,
  type Supervisor,
} from '../../src/index.ts';
import { LineSplitter } from '../../src/wire/lines.ts';
import type { Snapshot } from '../machines/model.ts';
import { environmentOf, tempHome, worker } from '../support/launch.ts';
import { RawClient } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';
import { Journal } from '../support/wait.ts';
import { WalkClock } from './clock.ts';
import { nameOf } from './coverage.ts';
import { type Handover, walkConfig } from './world.ts';

/** A phase whose hook waits, since so many transitions. */
interface Arrival {
  phase: string;
  transition: number;
  go(): void;
}

/** What the machine did at one event. */
export interface Taken {
  event: string;
  snapshot: Snapshot;
}

const GATES = ['orders', 'exit', 'initialize', 'server/discover'];

export class Director {
  readonly clock = new WalkClock();
  readonly taken = new Journal<Taken>();
  /** Names of the transitions that the real machine took. */
  readonly transitions = new Set<string>();
  /** Called with the machine still in the midst of entering a state: earlier than anything that state does. */
  onEnter: () => void = () => {};
  readonly supervisor: Supervisor;
  readonly stage: Stage;
  readonly handover: Handover;
  readonly #arrivals = new Journal<Arrival>();
  readonly #clients = new Map<RawClient, Session>();
  #last: Snapshot | null = null;
  #free = false;
  #ended: Promise<void> | null = null;

  private constructor(stage: Stage, home: string, handover: Handover) {
    this.stage = stage;
    this.handover = handover;
    stage.hold(...GATES);
    this.supervisor = createSupervisor({
      config: configSchema.parse({ ...walkConfig, handover, command: worker('puppet'), cwd: home }),
      environment: { ...environmentOf(home), ...stage.env },
      env: this.clock,
      hooks: {
        phases: Object.fromEntries(
          PHASES.filter((phase) => phase !== 'cleanup').map((phase) => [phase, [this.#hold(phase)]]),
        ),
        // The last of its phase: what fails behind it, fails the phase.
        cleanup: [this.#hold('cleanup')],
        undo: [this.#hold('undo')],
      },
      inspect: (event) => this.#inspect(event),
    });
  }

  static async open(handover: Handover): Promise<Director> {
    const home = tempHome();
    const director = new Director(await Stage.open(home), home, handover);
    onTestFinished(() => director.#close());
    return director;
  }

  /** The phase of the present state, once it waits at its hook; not one that the machine has left. */
  at(phase: string): Promise<Arrival> {
    const now = this.taken.all.length;
    return this.#arrivals.next((arrival) => arrival.phase === phase && arrival.transition === now);
  }

  shutdown(): void {
    this.#ended ??= this.supervisor.shutdown('the walk ends');
  }

  connect(): RawClient {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const session = this.supervisor.connect({
      send: (line) => void output.write(Buffer.concat([line, Buffer.from('\n')])),
      full: false,
      pause: () => input.pause(),
      resume: () => input.resume(),
    });
    const lines = new LineSplitter(1 << 24, { onLine: (line) => session.fromClient(line) });
    input.on('data', (chunk: Buffer) => lines.push(chunk));
    const client = new RawClient(input, output);
    this.#clients.set(client, session);
    return client;
  }

  get snapshot(): Snapshot {
    return this.#last!;
  }

  /** SIGKILL reaches the worker of the present generation. */
  letKill(): void {
    const { worker } = this.snapshot.context;
    if (worker) this.clock.letKill(worker.pid);
  }

  /** What the clients have written has been read. */
  clientsWereHeard(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** The database that the first reboot opens is open, or was given up. */
  async databaseIsOpen(): Promise<void> {
    await this.supervisor.control.prepare(prepareInput.parse({}), { id: 'walk', role: 'operator' });
  }

  /** Whether a new worker can be validated by somebody's handshake. */
  get replayable(): boolean {
    return [...this.#clients.values()].some((session) => session.handshake.replayable);
  }

  disconnectAll(): void {
    for (const session of this.#clients.values()) this.supervisor.disconnect(session);
    this.#clients.clear();
  }

  #hold(phase: string): Hook {
    const run = () =>
      this.#free
        ? undefined
        : new Promise<void>((resolve) =>
            this.#arrivals.add({ phase, transition: this.taken.all.length, go: resolve }),
          );
    return { name: 'director', deadlineMs: 2_000_000_000, run };
  }

  #inspect(event: InspectionEvent): void {
    if (event.actorRef?.sessionId !== event.rootId) return;
    if (event.type === '@xstate.microstep')
      for (const transition of event._transitions) this.transitions.add(nameOf(transition));
    if (event.type !== '@xstate.snapshot' || event.snapshot === this.#last) return;
    this.#last = event.snapshot as Snapshot;
    if (!this.#free) this.onEnter();
    this.taken.add({ event: event.event.type, snapshot: this.#last });
  }

  /** Everything may go its way; nothing is left behind. */
  async #close(): Promise<void> {
    this.#free = true;
    this.stage.release(...GATES);
    this.stage.goAll();
    for (const { go } of this.#arrivals.all) go();
    this.clock.thaw();
    this.shutdown();
    await this.#ended;
    for (const player of this.stage.players.all) {
      this.clock.kill(-player.pid, 'SIGKILL');
      await player.ended;
    }
  }
}
