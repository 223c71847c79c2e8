import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import { cells } from '../../src/cli/styled.ts';
import { type Picture, topView } from '../../src/cli/top-view.ts';
import type { WorkerView } from '../../src/control/types.ts';
import { AT, anInfo, aReport, aStatus } from '../control/fake-control.ts';
import { shows } from '../support/shows.ts';

function aWorker(change: Partial<WorkerView> = {}): WorkerView {
  return {
    instance: 'aa11bb22',
    status: aStatus(),
    since: AT,
    pid: 4243,
    uptime_s: 65,
    rss_bytes: 54_000_000,
    last_exit: null,
    stale: 0,
    held_tools: [],
    sessions: anInfo().sessions,
    ...change,
  };
}

function aPicture(workers: WorkerView[] = [aWorker()], status = aStatus(), count = 1): Picture {
  const history = Array.from({ length: count }, () => aReport());
  const totals = { total_restarts: count, success_rate: 1, last_successful_restart: null };
  const health = {
    healthy: true,
    timestamp: AT,
    server_version: '0',
    checks: {},
  } as Picture['overview']['health'];
  const overview = { at: AT, info: anInfo(), status, workers, health, history, totals, tasks: null };
  return { overview, now: Date.parse(AT) + 5_000, footer: [['q quit']] };
}

const render = (picture: Picture, columns = 80, rows = 23) =>
  topView(picture, { columns, rows, colors: createColors(false) }).split('\n');

describe('the picture', () => {
  it('has all that is known in 80x24', () => {
    const status = aStatus({
      state: 'starting.spawn',
      phase: 'spawn',
      progress: 55,
      traffic: 'holding',
      attempt: 2,
    });
    expect(render(aPicture([aWorker({ status })], status))).toEqual([
      'demo  aa11bb22  pid 4242  up 5.0 s  segue 0.1.0',
      'node server.js',
      'starting.spawn for 5.0 s  traffic holding, attempt 2',
      '✔maintenance ✔suspend ✔serialize ✔close ✔cleanup ●spawn ·restore ·reconnect',
      'ready',
      '',
      'WORKER    GENERATION  PID   RSS      UP         SESSIONS  STATE',
      'aa11bb22  3           4243  54.0 MB  1 min 5 s  1         starting.spawn',
      '',
      'SESSION  ERA     IN FLIGHT  HELD  CLIENT',
      's1       legacy  1          0     test 1.0',
      '',
      'REBOOT    STARTED (UTC)        OUTCOME    TOOK   BLACKOUT  REASON',
      '0a1b2c3d  2026-11-23 09:00:00  completed  1.5 s  240 ms    manual_request',
      'q quit',
    ]);
  });

  it('fits into a terminal of any size, its footer in it', () => {
    const worker = aWorker({ sessions: [{ ...anInfo().sessions[0]!, client: '客户端 👾' }] });
    const status = aStatus({ phase: 'spawn', progress: 55 });
    const picture = aPicture(
      Array.from({ length: 12 }, () => worker),
      status,
      20,
    );
    for (let columns = 1; columns <= 130; columns += 3) {
      for (let rows = 2; rows <= 60; rows += 1) {
        const lines = render(picture, columns, rows);
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.map(cells))).toBeLessThanOrEqual(columns);
        if (columns > 6) expect(lines.at(-1)).toBe('q quit');
      }
    }
  });

  it('shares the rows, and says how many are left out', () => {
    const picture = aPicture(
      Array.from({ length: 12 }, () => aWorker()),
      aStatus(),
      20,
    );
    const lines = render(picture, 80, 23);
    expect(lines).toHaveLength(23);
    expect(lines.filter((line) => /^… \d+ more$/.test(line))).toEqual(['… 9 more', '… 9 more', '… 18 more']);
  });

  it('has a bar where the phases have no room', () => {
    const picture = aPicture([aWorker()], aStatus({ phase: 'spawn', progress: 50 }));
    expect(render(picture, 40)[3]).toMatch(/^━{27} {2}50 % spawn$/);
  });

  shows('F64', 'nothing of a worker or a client reaches the terminal as a command', () => {
    const hostile = '\u001b]0;title\u0007\u009b31m\u202e\n';
    const status = aStatus({ state: hostile, message: hostile });
    const worker = aWorker({
      status,
      sessions: [{ ...anInfo().sessions[0]!, id: hostile, client: hostile, era: hostile }],
    });
    const picture = aPicture([worker], status);
    picture.overview.info = anInfo({ name: hostile, command: [hostile] });
    picture.overview.history = [aReport({ restart_reason: hostile, outcome: hostile, reboot_id: hostile })];
    expect(render(picture).join('\n')).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });
});
