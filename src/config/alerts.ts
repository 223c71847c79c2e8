/** Who is told when a person is needed. */
import { z } from 'zod';
import { ALERT_EVENTS } from '../observe/alerts/alert.ts';
import { FORMATS } from '../observe/alerts/format.ts';
import { safeAddress } from './address.ts';

const ms = z.number().int().positive();
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable');

const destination = z
  .strictObject({
    url: safeAddress.optional().describe('Where it is posted: https, or http of this machine'),
    urlFrom: variable.optional().describe('The same, from this environment variable: a webhook is a secret'),
    format: z
      .enum(FORMATS)
      .default('json')
      .describe('Of the body: our own, Slack, PagerDuty (Events API v2)'),
    events: z.array(z.enum(ALERT_EVENTS)).min(1).optional().describe('Those alone; default: all'),
    routingKeyFrom: variable.optional().describe('PagerDuty: the environment variable with the routing key'),
    authorizationFrom: variable
      .optional()
      .describe('The environment variable with the value of the header Authorization'),
  })
  .refine(({ url, urlFrom }) => (url === undefined) !== (urlFrom === undefined), 'needs url or urlFrom')
  .refine(
    ({ format, routingKeyFrom }) => (format === 'pagerduty') === (routingKeyFrom !== undefined),
    'routingKeyFrom is needed for pagerduty, and for that alone',
  );

export const alerts = z.strictObject({
  to: z
    .array(destination)
    .max(16)
    .default([])
    .describe(
      'Webhooks that are told of failed reboots, rollbacks, an open breaker, expired requests, lost state',
    ),
  repeatMs: ms.default(300_000).describe('The same of the same server is not told again before that'),
  retryMs: ms.default(1_000).describe('Before the second try of eight; doubled before each further one'),
});
