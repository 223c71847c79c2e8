/**
 * The test as a stage director: fixtures connect to its socket, say that they live and where they are, and wait at
 * gates until the test lets them go. An ended connection is the event "this process is gone", grandchildren included.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { Journal } from './wait.ts';

/** A process that connected. */
export interface Player {
  name: string;
  pid: number;
  /** From SEGUE_WORKER; 0 where Segue did not start it. */
  generation: number;
  /** Resolves when the process is gone. */
  ended: Promise<void>;
}

/** A player that waits at `gate` until `go` is called; the fixture may act on the `order` that it gets with it. */
export interface Waiting {
  player: Player;
  gate: string;
  go(order?: string): void;
}

export class Stage {
  readonly players = new Journal<Player>();
  readonly #waiting = new Journal<Waiting>();
  readonly #held = new Set<string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** `home` from tempHome(). Closed at the end of the test, which ends whoever still waits. */
  static async open(home: string): Promise<Stage> {
    const stage = new Stage(join(home, 'stage.sock'));
    stage.#server.listen(stage.#path);
    await once(stage.#server, 'listening');
    onTestFinished(() => {
      for (const socket of stage.#sockets) socket.destroy();
      stage.#server.close();
    });
    return stage;
  }

  /** What a fixture needs in its environment to find the stage. */
  get env(): { STAGE: string } {
    return { STAGE: this.#path };
  }

  /** From now on whoever comes to one of these gates waits there: each asks when it comes. */
  hold(...gates: string[]): this {
    for (const gate of gates) this.#held.add(gate);
    return this;
  }

  /** Whoever comes to these gates later does not wait; who waits there already, waits on. */
  release(...gates: string[]): this {
    for (const gate of gates) this.#held.delete(gate);
    return this;
  }

  /** The next player that starts and was not asked for before. */
  player(name?: string): Promise<Player> {
    return this.players.next((player) => name === undefined || player.name === name);
  }

  /** The next player that waits at `gate`, by default of any generation. */
  at(gate: string, generation?: number): Promise<Waiting> {
    return this.#waiting.next(
      ({ gate: at, player }) => at === gate && (generation ?? player.generation) === player.generation,
    );
  }

  /** Whoever waits goes on. */
  goAll(): void {
    for (const { go } of this.#waiting.all) go();
  }

  #join(socket: Socket): void {
    this.#sockets.add(socket);
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    void ended.then(() => this.#sockets.delete(socket));
    let player: Player;
    const lines = createInterface(socket);
    // A killed process resets its connection, which both of them say; `close` follows.
    for (const end of [socket, lines]) end.on('error', () => {});
    lines.on('line', (line) => {
      const message = JSON.parse(line) as {
        name: string;
        pid: number;
        generation: number;
        at?: string;
        ticket: number;
      };
      if (message.at === undefined) {
        player = { name: message.name, pid: message.pid, generation: message.generation, ended };
        this.players.add(player);
      } else {
        const { at: gate, ticket } = message;
        const go = (order?: string) => void socket.write(`${JSON.stringify({ go: ticket, order })}\n`);
        if (this.#held.has(gate)) this.#waiting.add({ player, gate, go });
        else go();
      }
    });
  }
}
