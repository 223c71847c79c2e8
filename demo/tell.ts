/** What the demo prints: of a scene, and at the end. */
import type { Call } from './calls.ts';
import type { Played } from './scenes.ts';
import { seconds, table } from './screen.ts';
import type { Session } from './session.ts';

/** An echo that took longer than this has waited for a reboot. */
const WAITED_MS = 50;

export function sceneText({ calls, rebootAt, report }: Played): string[] {
  const telling = calls.filter((call) => !isEcho(call) || tookMs(call) > WAITED_MS);
  const rows = telling.map((call) => [call.name, began(call, rebootAt), seconds(tookMs(call)), saw(call)]);
  const { drained, buffered, repeated, failed, expired } = report.requests;
  return [
    ...table('lrrl', [['call', 'began', 'took', 'what the client saw'], ...rows]),
    `phases: ${report.phases.map(({ name, duration_ms }) => `${name} ${seconds(duration_ms)}`).join(', ')}`,
    `silent for ${seconds(report.blackout_ms ?? 0)}: ${drained} calls finished before, ${buffered} waited, ` +
      `${repeated} repeated, ${failed} failed, ${expired} expired`,
  ];
}

export function closingText(scenes: readonly Played[], { calls, wire, cancelledAsks }: Session): string[] {
  const rows = scenes.map(({ number, report, calls: begun }) => [
    `${number} ${report.trigger === 'request' ? report.requested_by : report.trigger}`,
    ...counts(begun),
    seconds(Math.max(...begun.filter(isEcho).map(tookMs))),
    seconds(report.blackout_ms ?? 0),
  ]);
  const head = ['reboot', 'calls', 'answered', 'failed', 'longest echo', 'blackout'];
  const { asked, answered } = wire.counts;
  const twice = [...calls.asks.values()].filter((count) => count > 1).length;
  return [
    ...table('lrrrrr', [head, ...rows, ['all', ...counts(calls.all), '', '']]),
    '',
    `on the wire   ${asked} requests, ${answered} answers, ${wire.initializes} session`,
    `done twice    ${twice} of the ${calls.asks.size} calls that are not safe to repeat (of a safe one no client can tell)`,
    `taken back    ${cancelledAsks.length} question that the killed server had asked the client`,
  ];
}

function counts(calls: readonly Call[]): string[] {
  const of = (outcome: Call['outcome']) => String(calls.filter((call) => call.outcome === outcome).length);
  return [String(calls.length), of('answered'), of('failed')];
}

function isEcho({ name }: Call): boolean {
  return name.startsWith('echo');
}

function tookMs({ startedAt, endedAt }: Call): number {
  return (endedAt ?? performance.now()) - startedAt;
}

function began({ startedAt }: Call, rebootAt: number): string {
  const ms = startedAt - rebootAt;
  return `${seconds(Math.abs(ms))} ${ms < 0 ? 'before' : 'after'}`;
}

function saw({ outcome, error, progress: [, of] }: Call): string {
  if (outcome === 'failed')
    return error === 'OUTCOME_UNKNOWN' ? 'an error: outcome unknown, not repeated' : `an error: ${error}`;
  if (outcome !== 'answered') return outcome === 'open' ? 'nothing yet' : 'a wrong answer';
  return of === 0 ? 'its answer' : 'progress that never fell back, its answer';
}
