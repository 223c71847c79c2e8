/** The three reboots, each under calls in flight. */
import type { RestartReport } from '../src/control/schemas.ts';
import type { Call } from './calls.ts';
import type { Session } from './session.ts';

const LONG = { seconds: 1.8, steps: 9 };
/** The reboot begins when the long calls have come this far. */
const REBOOT_AT_STEP = 3;

export interface Scene {
  title: string;
  /** Reboots; resolves with the reboot's id once it has ended. `line` prints. */
  reboot(session: Session, line: (text: string) => void): Promise<string>;
}

/** A scene that was played. Times are of the monotonic clock. */
export interface Played {
  number: number;
  /** When the reboot was asked for. */
  rebootAt: number;
  report: RestartReport;
  /** All that began since the last scene. */
  calls: readonly Call[];
}

export const SCENES: readonly Scene[] = [
  {
    title: 'the client asks for a reboot: tool orchestrator_restart_server',
    async reboot(session) {
      const { reboot_id } = await session.restart('manual_request');
      return reboot_id;
    },
  },
  {
    title: 'an operator asks for one in another terminal: segue reboot demo',
    async reboot(session, line) {
      const rebooted = session.rebooted();
      const { code, output } = await session.segue('reboot', 'demo', '--reason', 'configuration_update');
      for (const text of output.trimEnd().split('\n')) line(text);
      if (code !== 0) throw new Error(`segue reboot failed with exit code ${code}`);
      return rebooted;
    },
  },
  {
    title: 'the server is killed: kill -9',
    async reboot(session) {
      const { checks } = await session.health();
      if (checks.worker.pid === null) throw new Error('the server does not run');
      const rebooted = session.rebooted();
      process.kill(checks.worker.pid, 'SIGKILL');
      return rebooted;
    },
  },
];

/** Brings calls into flight, reboots under them, and waits for their ends. */
export async function play(
  session: Session,
  scene: Scene,
  number: number,
  line: (text: string) => void,
): Promise<Played> {
  const { calls } = session;
  const before = calls.all.length;
  await startSlowCalls(session, number);
  const rebootAt = performance.now();
  const rebootId = await scene.reboot(session, line);
  await calls.settled();
  const begun = calls.all.slice(before);
  return { number, rebootAt, report: await session.report(rebootId), calls: begun };
}

/** A call that asks the client, then two long ones: resolves when all of them are well under way. */
async function startSlowCalls({ calls, asked }: Session, number: number): Promise<void> {
  const isAsked = asked();
  void calls.ask(`ask ${number}`);
  await isAsked;
  const underWay = ['a', 'b'].map(
    (letter) =>
      new Promise<void>((resolve) => {
        const onStep = (step: number) => step >= REBOOT_AT_STEP && resolve();
        void calls.long(`long ${number}${letter}`, LONG.seconds, LONG.steps, onStep);
      }),
  );
  await Promise.all(underWay);
}
