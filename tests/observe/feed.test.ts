/** What onlookers are told of a supervisor, as it happens and all at once. */
import { expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { Feed, type Happening } from '../../src/observe/feed.ts';
import { createLog, type LogDestination, toStderr } from '../../src/observe/log.ts';
import { overview } from '../../src/observe/overview.ts';
import { embed } from '../lifecycle/embedded.ts';
import { worker } from '../support/launch.ts';
import { restart } from '../support/restarts.ts';

const OPERATOR = { id: 'test', role: 'operator' } as const;

function onlooker(feed: Feed) {
  const seen: Happening[] = [];
  feed.subscribe((happening) => void seen.push(happening));
  const of = <Kind extends Happening['kind']>(kind: Kind) =>
    seen.filter((each): each is Extract<Happening, { kind: Kind }> => each.kind === kind);
  return { of };
}

it('tells each transition, the report of a reboot, and that workers come and go', async () => {
  const feed = new Feed();
  const { of } = onlooker(feed);
  const embedded = embed({ command: worker('echo'), feed });
  const client = embedded.connect();
  await client.initialize();
  const report = await restart(client);
  const moves = of('transition').filter(({ rebootId }) => rebootId === report.reboot_id);
  const phases = moves.flatMap(({ status }) => status.phase ?? []);
  expect([...new Set(phases)]).toEqual(report.phases.map(({ name }) => name));
  for (const [index, { from }] of moves.slice(1).entries()) expect(from).toBe(moves[index]!.to);
  expect(of('report')).toMatchObject([
    { generation: 2, report: { reboot_id: report.reboot_id, success: true } },
  ]);
  expect(of('store')).toMatchObject([{ state: 'ready' }]);

  const seen = await overview(embedded.supervisor.control, OPERATOR);
  expect(seen).toMatchObject({
    status: { state: 'alive.idle', generation: 2 },
    workers: [
      { instance: embedded.supervisor.instance, pid: expect.any(Number), rss_bytes: expect.any(Number) },
    ],
    health: { healthy: true },
    history: [{ reboot_id: report.reboot_id }],
    totals: { total_restarts: 1, success_rate: 1 },
    tasks: {},
  });
  expect(seen.workers[0]!.sessions).toEqual(seen.info.sessions);
  expect(Date.parse(seen.workers[0]!.since)).toBeLessThanOrEqual(systemEnv.now());
  await expect(overview(embedded.supervisor.control, { id: 'x', role: 'client' })).rejects.toMatchObject({
    code: 'NOT_AUTHORIZED',
  });

  await embedded.supervisor.shutdown('done');
  expect(of('workers').map(({ change }) => change)).toEqual(['added', 'removed']);
});

it('keeps the last 500 lines of the log, without secrets', () => {
  const feed = new Feed();
  const log = createLog('info', silently(toStderr(feed)));
  for (let each = 0; each < 1_200; each++) log.info({ each, token: 'hush' }, 'said');
  const lines = feed.recentLines().map((line) => JSON.parse(line) as { each: number });
  expect(lines.map(({ each }) => each)).toEqual(Array.from({ length: 500 }, (_, index) => 700 + index));
  expect(JSON.stringify(lines)).not.toContain('hush');
});

it('drops an onlooker that throws, and serves the others', () => {
  const feed = new Feed();
  const warned: unknown[] = [];
  const warn = process.emitWarning;
  process.emitWarning = (warning: unknown) => void warned.push(warning);
  try {
    feed.subscribe(() => {
      throw new Error('clumsy');
    });
    const { of } = onlooker(feed);
    feed.publish({ kind: 'log', line: '{}' });
    feed.publish({ kind: 'log', line: '{}' });
    expect(of('log')).toHaveLength(2);
    expect(warned).toEqual([expect.stringContaining('clumsy')]);
  } finally {
    process.emitWarning = warn;
  }
});

/** The runner's own stderr need not see them. */
function silently(destination: LogDestination): LogDestination {
  return {
    write(line) {
      const { write } = process.stderr;
      process.stderr.write = () => true;
      try {
        destination.write(line);
      } finally {
        process.stderr.write = write;
      }
    },
  };
}
