import { createColors } from 'picocolors';
import { describe, expect, it } from 'vitest';
import { duration, table } from '../../src/cli/format.ts';
import { historyText } from '../../src/cli/history.ts';
import { chooseInstance } from '../../src/cli/instance.ts';
import { listText } from '../../src/cli/list.ts';
import { plain, plainJson, plainLine } from '../../src/cli/plain.ts';
import { ProgressPicture } from '../../src/cli/progress.ts';
import { consequences, reportSentence, reportText } from '../../src/cli/report.ts';
import { statusText } from '../../src/cli/status.ts';
import { waterfall } from '../../src/cli/waterfall.ts';
import type { HealthReport, RestartReport, StatusReport } from '../../src/control/schemas.ts';
import type { ListedInstance } from '../../src/state/instances.ts';
import { AT, anInfo, aReport, aStatus } from '../control/fake-control.ts';
import { shows } from '../support/shows.ts';

/** Colour, cursor, title, clipboard, 8-bit CSI, device control, bell, backspaces, a turned text. */
const HOSTILE = [
  '\u001b[31mred\u001b[0m',
  '\u001b[2J\u001b[1;1H',
  '\u001b]0;title\u0007',
  '\u001b]52;c;aGk=\u001b\\',
  '\u009b31m',
  '\u001bP+q\u001b\\',
  '\u0007\b\b\r',
  '\u202egnp.exe',
].join('x');
const UNSAFE = /(?![\n\t])[\p{Cc}\u202e]/u;

const listed: ListedInstance = {
  name: 'demo',
  instance: 'aa11bb22-0000-4000-8000-000000000000',
  pid: 4242,
  socketPath: '/run/x.sock',
  startedAt: Date.parse(AT),
  command: ['node', 'server.js'],
  cwd: '/srv',
  version: '0.1.0',
  alive: true,
};

const health: HealthReport = {
  healthy: true,
  timestamp: AT,
  server_version: '0.1.0',
  checks: {
    reboot_readiness: { ready: false, issues: [`issue ${HOSTILE}`] },
    worker: {
      alive: true,
      pid: 4243,
      uptime_s: 65,
      rss_bytes: 54_000_000,
      probe_ms: 2,
      generation: 3,
      last_exit: null,
    },
  },
};

describe('text of others', () => {
  shows('F64', 'escape sequences and control characters are taken out, lines and tabs stay', () => {
    expect(plain(HOSTILE)).not.toMatch(UNSAFE);
    expect(plain('a\tb\nc')).toBe('a\tb\nc');
    expect(plainLine('a\n\u001b[1mb\u001b[0m\tc')).toBe('a b c');
    expect(plainLine('x'.repeat(300))).toHaveLength(200);
    expect(plainJson({ text: HOSTILE })).not.toMatch(/[\u007f-\u009f]/);
    expect(JSON.parse(plainJson({ text: HOSTILE }))).toEqual({ text: HOSTILE });
  });

  shows('F64', 'no output of a command lets a worker reach the terminal', () => {
    const report = aReport({
      success: false,
      message: HOSTILE,
      requested_by: HOSTILE,
      trigger: HOSTILE,
      outcome: HOSTILE,
      stderr_tail: `one ${HOSTILE}\ntwo`,
      tools_changed: { added: [HOSTILE], removed: [HOSTILE], changed: [] },
      sessions: { kept: 0, lost: [HOSTILE] },
      last_exit: { code: null, signal: HOSTILE },
      recovery: { at: AT, by: HOSTILE, died_in: null, refused: HOSTILE, orphans_ended: [] },
      errors: [{ code: HOSTILE, message: HOSTILE, phase: HOSTILE }],
    });
    const info = anInfo({
      name: HOSTILE,
      command: [HOSTILE],
      sessions: [{ id: HOSTILE, era: 'legacy', client: HOSTILE, in_flight: 0, held: 0 }],
    });
    const status = aStatus({ message: HOSTILE, errors: report.errors });
    const history = {
      recent_restarts: [report],
      total_restarts: 1,
      success_rate: 0,
      last_successful_restart: null,
    };
    const picture = new ProgressPicture();
    picture.update(status, 0);
    for (const text of [
      reportText(report),
      reportSentence(report),
      consequences(report).join('\n'),
      historyText([{ name: HOSTILE, report }]),
      listText([{ ...listed, name: HOSTILE, command: [HOSTILE], info, status }], listed.startedAt),
      statusText(
        { info, status: { current_status: status, timestamp: AT, history }, health },
        listed.startedAt,
      ),
      picture.render(HOSTILE, 0, createColors(false)),
    ]) {
      expect(text).not.toMatch(UNSAFE);
    }
  });
});

describe('which instance is meant', () => {
  const at = (instance: string, pid: number) => ({
    ...listed,
    instance,
    pid,
    socketPath: `/run/${pid}.sock`,
  });
  const other = { ...at('bb000000-0000-4000-8000-000000000000', 7), name: 'other' };
  const twin = at('aa99cc00-0000-4000-8000-000000000000', 8);

  it('the only one needs no name', () => {
    expect(chooseInstance([listed], undefined)).toBe(listed);
  });

  it.each([
    ['other', other],
    ['7', other],
    ['bb', other],
    [listed.instance, listed],
    ['aa9', twin],
  ])('%s', (reference, expected) => {
    expect(chooseInstance([listed, other, twin], reference)).toBe(expected);
  });

  it('says which ones run when none or several are meant', () => {
    expect(() => chooseInstance([listed, other], undefined)).toThrow(
      '2 instances are meant, name one by its id: demo (aa11bb22, pid 4242), other (bb000000, pid 7)',
    );
    expect(() => chooseInstance([listed, other, twin], 'demo')).toThrow('2 instances are meant');
    expect(() => chooseInstance([listed], 'x')).toThrow('no running instance is called "x"; running: demo');
  });
});

describe('a reboot in words', () => {
  it('one sentence for each end', () => {
    expect(reportSentence(aReport())).toBe('rebooted in 1.5 s, silent for 240 ms');
    expect(reportSentence(aReport({ partial: true, sessions: { kept: 1, lost: ['s2'] } }))).toContain(
      '1 session lost',
    );
    const errors = [{ code: 'PROCESS_FAILED', message: 'it ended with code 1', phase: 'spawn' }];
    expect(reportSentence(aReport({ success: false, outcome: 'rolled_back', errors }))).toBe(
      'reboot rolled back in 1.5 s: it ended with code 1 (in spawn)',
    );
    const { success: _, ...going } = aReport({ phase: 'suspend', progress: 12 });
    expect(reportSentence(going)).toBe('reboot 0a1b2c3d goes on (suspend, 12 %)');
  });

  it('over several servers: the sum, then each', () => {
    const workers = [
      { instance: 'aaaaaaaa-1', result: 'completed', reboot_id: 'r1', duration_ms: 900, blackout_ms: 200 },
      { instance: 'bbbbbbbb-2', result: 'pending', reboot_id: null },
      { instance: 'cccccccc-3', result: 'failed', reboot_id: 'r3', error: { code: 'X', message: 'it died' } },
    ] satisfies RestartReport['workers'];
    const message = '3 servers: 1 restarted, 1 failed, 1 untouched. Cause: it died';
    const errors = [{ code: 'X', message: 'server cccccccc: it died', phase: 'spawn' }];
    const report = aReport({ success: false, outcome: 'stopped', phases: [], workers, message, errors });
    expect(reportSentence(report)).toBe(`reboot stopped in 1.5 s: ${message}`);
    expect(reportSentence(aReport({ workers, message: '3 servers: 3 restarted.' }))).toBe(
      'rebooted in 1.5 s, silent for at most 240 ms: 3 servers: 3 restarted.',
    );
    const text = reportText(report);
    expect(text).toContain('server     aaaaaaaa  completed in 900 ms, silent for 200 ms\n');
    expect(text).toContain('server     bbbbbbbb  pending\n');
    expect(text).toContain('server     cccccccc  failed: it died');
    expect(text).not.toContain('phases');
  });

  it('draws the phases along its time, and the blackout', () => {
    const at = (ms: number) => new Date(Date.parse(AT) + ms).toISOString();
    const phases = [
      { name: 'maintenance', started_at: at(0), duration_ms: 5, outcome: 'done' },
      { name: 'suspend', started_at: at(200), duration_ms: 300, outcome: 'done' },
      { name: 'spawn', started_at: at(500), duration_ms: 500, outcome: 'timeout' },
    ] satisfies RestartReport['phases'];
    const report = aReport({ phases, duration_ms: 1000, blackout_ms: 800 });
    expect(waterfall(report, 56)).toEqual([
      '  maintenance        5 ms  █',
      '  suspend          300 ms      ██████',
      '  spawn            500 ms            ██████████  timeout',
      '  blackout         800 ms      ████████████████'.replaceAll('█', '░'),
    ]);
    for (const width of [20, 40, 41, 80, 200])
      for (const line of waterfall(report, width))
        expect(line.length).toBeLessThanOrEqual(Math.max(width, 34));
  });

  shows('M3', 'reason, who asked, exit cause, stderr tail and the time of each phase are shown', () => {
    const text = reportText(
      aReport({ last_exit: { code: 3, signal: null }, stderr_tail: 'out of cheese\n' }),
    );
    expect(text).toContain('asked by   operator: manual_request (request)');
    expect(text).toContain('exit       code 3');
    expect(text).toContain('  out of cheese');
    expect(text).toMatch(/spawn +180 ms/);
    expect(text).toContain('tools      added new_tool');
  });
});

describe('the progress picture', () => {
  const render = (picture: ProgressPicture, nowMs: number) =>
    picture.render('demo', nowMs, createColors(false));

  it('shows what is done, what runs, and what comes', () => {
    const picture = new ProgressPicture();
    picture.update(aStatus({ phase: 'maintenance', progress: 0 }), 1000);
    picture.update(aStatus({ phase: 'suspend', progress: 50, message: '2 calls in flight' }), 1020);
    const lines = render(picture, 1520).split('\n');
    expect(lines[0]).toMatch(/^demo {2}━{32} {2}50 % {2}2 calls in flight$/);
    expect(lines[1]).toMatch(/✔ maintenance +20 ms/);
    expect(lines[1]).toMatch(/ms {2}█$/);
    expect(lines[2]).toMatch(/● suspend +500 ms {2} █{31}$/);
    expect(lines[3]).toBe('  · serialize');
  });

  it('is one line where each of several servers has phases of its own', () => {
    const picture = new ProgressPicture();
    const message = '2 servers: 1 restarted, 1 being restarted.';
    picture.update(aStatus({ state: 'fleet.rolling', progress: 50, message }), 0);
    expect(render(picture, 0)).toMatch(/^demo {2}━{32} {2}50 % {2}2 servers: 1 restarted, .*$/);
  });

  it('goes back for a retry, and ends with what the report says', () => {
    const picture = new ProgressPicture();
    picture.update(aStatus({ phase: 'spawn', attempt: 1 }), 0);
    picture.update(aStatus({ phase: 'restore', attempt: 1 }), 10);
    picture.update(aStatus({ phase: 'spawn', attempt: 2 }), 20);
    expect(render(picture, 20)).toContain('attempt 2');
    expect(render(picture, 20)).toMatch(/● spawn.*\n {2}· restore/);
    picture.complete(
      aReport({ phases: [{ name: 'close', started_at: AT, duration_ms: 5, outcome: 'timeout' }] }),
    );
    expect(render(picture, 99)).toMatch(/✖ close +5 ms {2}█{32} {2}timeout/);
  });
});

it('shows several servers in a status, a line each', () => {
  const server: NonNullable<StatusReport['workers']>[number] = {
    instance: 'aaaaaaaa-1',
    own: false,
    state: 'alive.idle',
    phase: null,
    progress: 100,
    message: 'serves',
    traffic: 'open',
    generation: 2,
    reboot_id: null,
  };
  const restarting: typeof server = {
    ...server,
    instance: 'bbbbbbbb-2',
    state: 'starting.spawn',
    phase: 'spawn',
    progress: 60,
    traffic: 'holding',
    generation: 3,
    result: 'rebooting',
  };
  const status = { current_status: aStatus(), timestamp: AT };
  const several = { ...status, workers: [server, restarting] };
  const now = Date.parse(AT);
  const text = statusText({ info: anInfo(), status: several, health }, now);
  expect(text).toContain(
    'servers    2\n' +
      '  aaaaaaaa  alive.idle  open, generation 2\n' +
      '  bbbbbbbb  starting.spawn, spawn 60 %  holding, generation 3  (rebooting)\n',
  );
  expect(text).not.toContain('worker ');
  const single = { ...status, workers: [server] };
  expect(statusText({ info: anInfo(), status: single, health }, now)).toContain('worker     pid 4243');
});

describe('formats', () => {
  it.each([
    [0.4, '0 ms'],
    [999, '999 ms'],
    [1500, '1.5 s'],
    [45_000, '45 s'],
    [125_000, '2 min 5 s'],
    [7_200_000, '2 h'],
    [90_000_000, '1 d 1 h'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('tables have columns of one width and no trailing blanks', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['long', 'x'],
          ['y', ''],
        ],
      ),
    ).toBe('A     B\nlong  x\ny');
  });
});
