/** An alert in the words of who takes it: our own JSON, a Slack incoming webhook, PagerDuty's Events API v2. */
import type { Alert } from './alert.ts';

/** What is sent of an alert: `resolved` where it is over, `repeated` how often it came again unsent. */
export interface Notice {
  alert: Alert;
  /** Of the Segue. */
  name: string;
  resolved: boolean;
  repeated: number;
}

export const FORMATS = ['json', 'slack', 'pagerduty'] as const;
export type Format = (typeof FORMATS)[number];

export function bodyOf(format: Format, notice: Notice, routingKey: string | undefined): object {
  switch (format) {
    case 'json':
      return { source: 'segue', status: notice.resolved ? 'resolved' : 'firing', ...fields(notice) };
    case 'slack':
      return { text: slackText(notice) };
    case 'pagerduty':
      return pagerDuty(notice, routingKey ?? '');
  }
}

function fields({ alert, name, repeated }: Notice) {
  return { name, ...alert, repeated };
}

/** Slack takes `<`, `>` and `&` for its own. */
function slackText({ alert, name, resolved, repeated }: Notice): string {
  const again = repeated === 0 ? '' : ` (and ${repeated} more like it)`;
  const head = resolved ? `:white_check_mark: ${alert.event} is over` : `:rotating_light: ${alert.event}`;
  const text = resolved ? '' : `\n${alert.summary}${again}`;
  return `${head} – segue ${name}, server ${alert.instance.slice(0, 8)}${text}`
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

/** https://developer.pagerduty.com/docs/send-alert-event: `summary` has at most 1,024 characters. */
function pagerDuty(notice: Notice, routing_key: string): object {
  const { alert, name, resolved } = notice;
  const dedup_key = `segue/${name}/${alert.event}/${alert.instance}`;
  if (resolved) return { routing_key, event_action: 'resolve', dedup_key };
  const { event, severity, summary, at } = alert;
  return {
    ...{ routing_key, event_action: 'trigger', dedup_key },
    payload: {
      summary: `segue ${name}: ${summary}`.slice(0, 1024),
      ...{ source: name, severity, timestamp: at, class: event, custom_details: fields(notice) },
    },
  };
}
