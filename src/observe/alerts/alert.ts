/** What is worth a person's attention, of what happens (M2). */
import type { RestartReport } from '../../control/schemas.ts';
import type { Happening } from '../feed.ts';
import { redactText } from '../redact.ts';

export const ALERT_EVENTS = [
  'reboot_failed',
  'rolled_back',
  'breaker_open',
  'held_request_expired',
  'store_degraded',
] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

export interface Alert {
  event: AlertEvent;
  severity: 'warning' | 'error' | 'critical';
  /** One sentence. */
  summary: string;
  /** Of the worker's supervisor. */
  instance: string;
  /** ISO-8601 UTC */
  at: string;
  reboot_id?: string;
}

/** `raised`: this is wrong now. `over`: these are well again, where they were wrong. */
export interface Judgement {
  raised: Alert[];
  over: AlertEvent[];
}

const NOTHING: Judgement = { raised: [], over: [] };

export function judge(happening: Happening): Judgement {
  switch (happening.kind) {
    case 'report':
      return judgeReport(happening);
    case 'transition': {
      const { at, instance, to, status } = happening;
      if (to !== 'broken') return NOTHING;
      const summary = `The server crashes again and again; it is left alone for a while. ${lastError(status.errors)}`;
      const rebootId = happening.rebootId === null ? {} : { reboot_id: happening.rebootId };
      return raise({ event: 'breaker_open', severity: 'critical', summary, instance, at, ...rebootId });
    }
    case 'count': {
      if (happening.what !== 'expired') return NOTHING;
      const { at, instance } = happening;
      const summary = 'A request waited too long for the server and was answered with an error.';
      return raise({ event: 'held_request_expired', severity: 'warning', summary, instance, at });
    }
    case 'store': {
      const { at, instance, state, reason } = happening;
      if (state === 'ready') return { raised: [], over: ['store_degraded'] };
      const summary = redactText(`State is not saved: ${reason ?? 'no cause is known'}.`);
      return raise({ event: 'store_degraded', severity: 'error', summary, instance, at });
    }
    default:
      return NOTHING;
  }
}

function judgeReport({ at, instance, report }: Extract<Happening, { kind: 'report' }>): Judgement {
  const about = { instance, at, reboot_id: report.reboot_id };
  if (report.rolled_back)
    return raise({ event: 'rolled_back', severity: 'error', summary: sentence(report), ...about });
  switch (report.outcome) {
    case 'completed':
      return { raised: [], over: ['reboot_failed', 'rolled_back', 'breaker_open'] };
    case 'failed':
      return raise({ event: 'reboot_failed', severity: 'critical', summary: sentence(report), ...about });
    default:
      return NOTHING; // aborted: somebody's wish; broken: told by its transition
  }
}

function raise(alert: Alert): Judgement {
  return { raised: [alert], over: [] };
}

function sentence({ message, restart_reason }: RestartReport): string {
  return redactText(`${message} (reason: ${restart_reason})`);
}

function lastError(errors: readonly { message: string }[]): string {
  return redactText(errors.at(-1)?.message ?? '');
}
