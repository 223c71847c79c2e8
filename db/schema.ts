/**
 * The tables of `segue.<epoch>.db`. One database belongs to one *name*; several supervisors of that name write to it
 * at the same time. What belongs to an instance goes with its row; reports and audit belong to the name and are kept
 * by age. Times are epoch milliseconds. Columns of type `blob` hold message content and are sealed (src/serializer).
 */

import type { RestartReport } from '../src/control/schemas.ts';
import { blob, index, integer, primaryKey, real, sqliteTable, text } from './drizzle.ts';

/** One run of a supervisor. `endedAt` is empty while it lives, or when it died and nobody has buried it. */
export const instances = sqliteTable(
  'instances',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    pid: integer('pid').notNull(),
    /** With the pid and the boot: which process it was, also after the pid was given to another one (F10). */
    startTime: text('start_time').notNull(),
    bootId: text('boot_id').notNull(),
    socketPath: text('socket_path').notNull(),
    command: text('command', { mode: 'json' }).$type<string[]>().notNull(),
    cwd: text('cwd').notNull(),
    version: text('version').notNull(),
    startedAt: integer('started_at').notNull(),
    endedAt: integer('ended_at'),
    how: text('how'),
    /** The machine's persisted envelope of the last transition. */
    machine: text('machine', { mode: 'json' }).$type<unknown>(),
  },
  (table) => [index('instances_ended_at').on(table.endedAt)],
);

const ofInstance = () =>
  text('instance')
    .notNull()
    .references(() => instances.id, { onDelete: 'cascade' });

/** Every worker process that was started (F11). */
export const workers = sqliteTable(
  'workers',
  {
    instance: ofInstance(),
    generation: integer('generation').notNull(),
    pid: integer('pid').notNull(),
    startTime: text('start_time').notNull(),
    bootId: text('boot_id').notNull(),
    startedAt: integer('started_at').notNull(),
    exitedAt: integer('exited_at'),
    exitCode: integer('exit_code'),
    exitSignal: text('exit_signal'),
    stderrTail: blob('stderr_tail', { mode: 'buffer' }),
  },
  (table) => [primaryKey({ columns: [table.instance, table.generation] })],
);

/** The restart history. `report` lacks its stderr tail, which is sealed beside it. */
export const reboots = sqliteTable(
  'reboots',
  {
    id: text('id').primaryKey(),
    /** No reference: the history outlives the instance. */
    instance: text('instance').notNull(),
    startedAt: integer('started_at').notNull(),
    completedAt: integer('completed_at'),
    /** Empty while the reboot runs. */
    success: integer('success', { mode: 'boolean' }),
    outcome: text('outcome'),
    reason: text('reason').notNull(),
    trigger: text('trigger').notNull(),
    requestedBy: text('requested_by').notNull(),
    blackoutMs: real('blackout_ms'),
    sessionsKept: integer('sessions_kept').notNull(),
    sessionsLost: integer('sessions_lost').notNull(),
    report: text('report', { mode: 'json' }).$type<RestartReport>().notNull(),
    stderrTail: blob('stderr_tail', { mode: 'buffer' }),
  },
  (table) => [index('reboots_started_at').on(table.startedAt), index('reboots_instance').on(table.instance)],
);

/** The journal: each row was committed before the effect of its transition (F6). */
export const transitions = sqliteTable(
  'transitions',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    instance: ofInstance(),
    rebootId: text('reboot_id'),
    from: text('from').notNull(),
    to: text('to').notNull(),
    event: text('event').notNull(),
    at: integer('at').notNull(),
  },
  (table) => [
    index('transitions_reboot_id').on(table.rebootId),
    index('transitions_instance_at').on(table.instance, table.at),
  ],
);

/** `sha256` is over the plain content; `sealed` is bound to this row. */
export const snapshots = sqliteTable(
  'snapshots',
  {
    id: text('id').primaryKey(),
    instance: ofInstance(),
    rebootId: text('reboot_id').notNull(),
    savedAt: integer('saved_at').notNull(),
    sha256: text('sha256').notNull(),
    bytes: integer('bytes').notNull(),
    sealed: blob('sealed', { mode: 'buffer' }).notNull(),
  },
  (table) => [index('snapshots_instance_saved_at').on(table.instance, table.savedAt)],
);

/** The clients of an instance. `handshake` is what its `initialize` or discover was answered with. */
export const sessions = sqliteTable(
  'sessions',
  {
    instance: ofInstance(),
    id: text('id').notNull(),
    era: text('era').notNull(),
    client: text('client').notNull(),
    protocolVersion: text('protocol_version'),
    state: text('state').notNull(),
    updatedAt: integer('updated_at').notNull(),
    handshakeAt: integer('handshake_at'),
    handshake: blob('handshake', { mode: 'buffer' }),
  },
  (table) => [
    primaryKey({ columns: [table.instance, table.id] }),
    index('sessions_handshake').on(table.era, table.handshakeAt),
  ],
);

/** Who did what, why, and with what result (F63). */
export const audit = sqliteTable(
  'audit',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    instance: text('instance').notNull(),
    at: integer('at').notNull(),
    principal: text('principal').notNull(),
    action: text('action').notNull(),
    detail: text('detail', { mode: 'json' }).$type<unknown>(),
    result: text('result').notNull(),
  },
  (table) => [index('audit_at').on(table.at)],
);
