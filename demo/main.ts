/**
 * `npm run demo`: a client keeps calls in flight while the server behind it is rebooted three times: by a tool, by an
 * operator's command, by kill -9. Prints what each call saw, and fails when a promise was broken.
 */
import { type Played, play, SCENES } from './scenes.ts';
import { colors, createScreen } from './screen.ts';
import { openSession, type Session } from './session.ts';
import { closingText, sceneText } from './tell.ts';
import { brokenPromises } from './verdict.ts';

const ECHO_LANES = 4;

const session = await openSession();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void session.close().finally(() => process.exit(130)));
try {
  process.exitCode = await perform(session);
} finally {
  await session.close();
}

/** Resolves with the exit code. */
async function perform(session: Session): Promise<number> {
  const { calls } = session;
  const screen = createScreen(calls.all);
  try {
    screen.line(colors.bold('One client, one session, three reboots of the server behind it.'));
    screen.line(
      `In flight: ${ECHO_LANES} echo calls at any time; 2 long ones and 1 that asks the client at each reboot.`,
    );
    calls.startEchoes(ECHO_LANES);
    const played: Played[] = [];
    for (const [index, scene] of SCENES.entries()) {
      screen.line(`\n${colors.bold(`${index + 1}. ${scene.title}`)}`);
      const result = await play(session, scene, index + 1, (text) => screen.line(colors.dim(`   | ${text}`)));
      played.push(result);
      for (const text of sceneText(result)) screen.line(`   ${text}`);
    }
    await calls.stop();
    screen.end();
    for (const text of ['', ...closingText(played, session)]) screen.line(text);
    return judge(session, played, screen.line);
  } finally {
    screen.end();
  }
}

function judge({ calls, wire }: Session, played: readonly Played[], line: (text: string) => void): number {
  const broken = brokenPromises({
    calls: calls.all,
    asks: calls.asks,
    reports: played.map(({ report }) => report),
    initializes: wire.initializes,
    wire: wire.broken,
    unanswered: wire.unanswered,
  });
  for (const promise of broken) line(colors.red(`broken: ${promise}`));
  line(broken.length === 0 ? colors.green('All promises were kept.') : colors.red('Promises were broken.'));
  return broken.length === 0 ? 0 : 1;
}
