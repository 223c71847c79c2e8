/**
 * Everything an operator can set: one schema, its defaults in it. The CLI reads flags over environment over
 * `segue.json` into it; nothing else in src/ reads the environment or a config file.
 */
import { z } from 'zod';
import { safeAddress } from './config/address.ts';
import { alerts } from './config/alerts.ts';
import { argv } from './config/argv.ts';
import { triggers, windows } from './config/triggers.ts';
import { ROLES } from './control/roles.ts';
import { isLoopbackUrl } from './upstream/address.ts';

const ms = z.number().int().positive();
const bytes = z.number().int().positive();

/** A command that a task may name; a client never gives a command itself (F58). */
const recipe = z.strictObject({
  command: argv.describe('What is run: argv, no shell'),
  description: z.string().optional().describe('For who writes the task'),
  cwd: z.string().optional().describe('Where it runs; relative to the file'),
  timeoutMs: ms.default(600_000).describe('After it the command is ended'),
  env: z.array(z.string()).default(['PATH', 'HOME']).describe('The only variables that are passed on'),
  idempotent: z.boolean().default(false).describe('May be run again after it was cut off'),
});

const role = z.enum(ROLES);

/** A bearer token of `segue serve`: its hash only, so that who reads the file cannot use it. */
const token = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, dash, underscore; at most 64')
    .describe('Of the caller, for the history'),
  role: role.default('client').describe('What it may do'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case: segue token add makes it')
    .describe('Of the token, in hexadecimal'),
});

/** Keys that came over the wire in the clear are anybody's. */
/** An authorization server whose access tokens (JWT) are accepted. */
const oauth = z.strictObject({
  issuer: z.url({ protocol: /^https?$/ }).describe('As in the claim iss of its tokens'),
  audience: z
    .string()
    .min(1)
    .describe('As in the claim aud: best the address at which clients call, such as https://example.org/mcp'),
  jwksUri: safeAddress.describe('Where its keys are; https, or http of this machine'),
  roleClaim: z
    .string()
    .min(1)
    .default('segue_role')
    .describe('Names the role; without it the role is client'),
});

const http = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Any but loopback needs tokens or oauth (F51)'),
  port: z.number().int().min(0).max(65_535).default(8137).describe('0: any that is free'),
  anonymous: role.default('client').describe('What a caller may do where neither tokens nor oauth are set'),
  tokens: z
    .array(token)
    .refine(
      (all) => new Set(all.map(({ name }) => name)).size === all.length,
      'two tokens have the same name',
    )
    .default([])
    .describe('Bearer tokens, as segue token add writes them: [{name, role, sha256}]'),
  oauth: oauth.optional().describe('Accept the access tokens of an authorization server'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Names in the Host header, with or without a port, that are accepted beside loopback and the bound address (F50)',
    ),
  allowedOrigins: z
    .array(z.url({ protocol: /^https?$/ }))
    .default([])
    .describe('Origins of web pages that are accepted beside those of this machine (F50)'),
  limits: z
    .strictObject({
      maxBodyBytes: bytes.default(16 * 1024 * 1024).describe('One request; above it 413 (F57)'),
      maxConnections: z.number().int().positive().default(2048).describe('Open at once (F57)'),
      maxRequests: z
        .number()
        .int()
        .positive()
        .default(1536)
        .describe('Of one caller at once, streams among them; above it 429 (F39)'),
      headersMs: ms.default(10_000).describe('For the headers of a request (F57)'),
      bodyMs: ms.default(30_000).describe('For its body (F57)'),
      idleMs: ms.default(60_000).describe('From an answer to the next request of a connection'),
      requestsPerMinute: z.number().int().positive().default(6_000).describe('Per principal; above it 429'),
      maxSessions: z.number().int().positive().default(1_000).describe('At once'),
      sessionTtlMs: ms.default(86_400_000).describe('A session that nobody used this long is deleted'),
      eventCount: z
        .number()
        .int()
        .positive()
        .default(1_000)
        .describe('Events kept for a session, to resume its streams'),
      eventBytes: bytes.default(8 * 1024 * 1024).describe('The same in bytes'),
      eventAgeMs: ms.default(3_600_000).describe('The same by age'),
      clientBytes: bytes.default(16 * 1024 * 1024).describe('Unread by a client before it is cut (F25)'),
      maxWorkers: z.number().int().positive().default(16).describe('At once, with isolation session'),
    })
    .prefault({}),
  workerIdleMs: ms
    .default(1_800_000)
    .describe('A worker of isolation session that nobody used this long is stopped; its session lives on'),
  drainMs: ms.default(10_000).describe('From SIGTERM to the end: requests in flight may finish'),
  rebootParallel: z.number().int().positive().default(2).describe('Workers that are rebooted side by side'),
});

export const configSchema = z.strictObject({
  $schema: z
    .string()
    .optional()
    .describe('For editors: where segue.schema.json is, such as ./node_modules/mcp-segue/segue.schema.json'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, dash, underscore; at most 64')
    .optional()
    .describe(
      'Names the state directory; default: the basename of the command and a hash of argv and cwd; orchestrator without a command',
    ),
  command: argv.optional().describe('The MCP server to run: argv, no shell; default: the task orchestrator'),
  cwd: z.string().optional().describe('Where it runs; default: here'),
  upstream: z
    .string()
    .refine(isLoopbackUrl, 'must be an http:// address of this machine, such as http://127.0.0.1:9000/mcp')
    .optional()
    .describe('Where the command serves MCP over HTTP, on loopback; default: it speaks on stdin and stdout'),
  environment: z
    .strictObject({
      allow: z
        .union([z.literal('pass'), z.array(z.string())])
        .default('pass')
        .describe(
          "'pass' hands all variables on; a list names the only ones that the server sees, PATH and HOME included (F60)",
        ),
      set: z
        .record(z.string(), z.string())
        .default({})
        .describe('Set for the server, over what is passed on'),
    })
    .prefault({}),
  tools: z.boolean().default(true).describe('Add the five orchestrator_* tools and reboot:// resources'),
  replay: z
    .enum(['annotated', 'listed', 'never'])
    .default('annotated')
    .describe(
      'Which calls may be repeated after a crash: those that declare readOnlyHint or idempotentHint, those in replayTools, none',
    ),
  replayTools: z
    .array(z.string())
    .default([])
    .describe('Tools that are safe to repeat though they do not say so; not used with replay never'),
  toolChanges: z
    .enum(['notify', 'hold'])
    .default('notify')
    .describe(
      'Tools that are new or another after a restart: clients are told (notify), or see and reach none of them before segue approve (hold, F65)',
    ),
  isolation: z
    .enum(['session', 'shared'])
    .default('session')
    .describe('Whether the server has one client, or serves several that each believe to have it alone'),
  handover: z
    .enum(['exclusive', 'overlap'])
    .default('exclusive')
    .describe(
      'Whether the new server waits for the exit of the old one, or has answered its handshake before that is cut off',
    ),
  spare: z
    .boolean()
    .default(false)
    .describe(
      'Keep a second server that has answered its handshake, to take over after a crash: costs the memory of one more server',
    ),
  optimistic: z
    .boolean()
    .default(false)
    .describe(
      'While the server starts, answer initialize and lists as its last start did; what differs is corrected by list_changed',
    ),
  persist: z.boolean().default(true).describe('Keep history and snapshots on disk'),
  inspect: z.boolean().default(false).describe('Serve the XState inspector protocol on a loopback WebSocket'),
  page: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('Show the page at this loopback port, 0: any that is free; segue serve has it at / anyway'),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('JSON lines on stderr'),
  alerts: alerts.prefault({}),
  limits: z
    .strictObject({
      maxLineBytes: bytes.default(16 * 1024 * 1024).describe('One message, either way (F21, F22)'),
      holdRequests: z.number().int().positive().default(256).describe('Requests that wait, per client'),
      holdBytes: bytes.default(16 * 1024 * 1024).describe('The same in bytes'),
      holdMs: ms.default(45_000).describe('From arrival to an answer; stays under the 60 s of most clients'),
      stderrBytes: bytes.default(64 * 1024).describe('The tail of stderr kept for the history (F23)'),
      restartsPerMinute: z
        .number()
        .int()
        .positive()
        .default(10)
        .describe('Asked for over MCP, per principal (F63)'),
    })
    .prefault({}),
  timing: z
    .strictObject({
      drainMs: ms.default(10_000).describe('Cap of the drain; a third of the reboot budget if that is less'),
      stdinEndMs: ms.default(2_000).describe('After the end of stdin, before SIGTERM'),
      termMs: ms.default(3_000).describe('After SIGTERM, before SIGKILL'),
      startMs: ms.default(30_000).describe('A restart: spawn and handshake'),
      openingMs: ms.default(60_000).describe('The first start: the first answer to the client'),
      writeMs: ms.default(10_000).describe('A worker that reads nothing this long is stuck (F24)'),
      probeEveryMs: ms.default(30_000).describe('How often a silent worker is asked whether it lives'),
      probeMs: ms.default(10_000).describe('No answer within this: it hangs, and is rebooted'),
      probeBusyMs: ms.default(120_000).describe('Silence with calls in flight before a probe (F14)'),
      maxAttempts: z.number().int().positive().default(4).describe('Starts of one command in one reboot'),
      backoffBaseMs: ms.default(250).describe('Before the second start; doubled before each further one'),
      backoffMaxMs: ms.default(5_000).describe('The longest of these waits'),
      crashLimit: z.number().int().positive().default(5).describe('So many crashes open the breaker (F12)'),
      crashWindowMs: ms.default(60_000).describe('Counted over this time'),
      coolDownMs: ms.default(30_000).describe('From the open breaker to a trial start'),
      stableMs: ms.default(60_000).describe('A worker that ran this long has its crashes forgotten'),
      recoveryMs: ms.default(30_000).describe('The budget of a reboot after a crash'),
    })
    .prefault({}),
  orchestrator: z
    .strictObject({
      parallel: z.number().int().positive().default(2).describe('Recipe commands that run side by side'),
      maxArtifactBytes: bytes.default(4 * 1024 * 1024).describe('One artifact of a task'),
      recipes: z
        .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), recipe)
        .default({})
        .describe(
          'Commands that tasks may name: {command: [argv], description, cwd, timeoutMs, env: [names that are passed on], idempotent: may be run again after it was cut off}',
        ),
    })
    .prefault({}),
  http: http.prefault({}),
  triggers: triggers.prefault({}).describe('What reboots the server without being asked'),
  windows,
});

export type Config = z.infer<typeof configSchema>;

/** What a person writes in `segue.json`: everything may be left out. */
export type ConfigInput = z.input<typeof configSchema>;
