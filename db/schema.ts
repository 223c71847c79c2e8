/**
 * The tables of `segue.<epoch>.db`, and at the end those of `http.<epoch>.db`. One database belongs to one *name*; several supervisors of that name write to it
 * at the same time. What belongs to an instance goes with its row; reports, audit and tasks belong to the name and are
 * kept by age. Times are epoch milliseconds. Columns of type `blob` hold message content and are sealed (src/serializer).
 */

import type { AnySQLiteColumn } from 'drizzle-orm/sqlite-core';
import type { TaskKind, TaskState } from '../machines/task-states.ts';
import type { RestartReport } from '../src/control/schemas.ts';
import {
  blob,
  index,
  integer,
  isNotNull,
  primaryKey,
  real,
  sqliteTable,
  text,
  uniqueIndex,
} from './drizzle.ts';

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
  (table) => [
    primaryKey({ columns: [table.instance, table.generation] }),
    index('workers_tails').on(table.exitedAt).where(isNotNull(table.stderrTail)),
  ],
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
  (table) => [
    index('reboots_started_at').on(table.startedAt),
    index('reboots_instance').on(table.instance, table.success),
    // All that the sums over the history need: the reports beside it are a hundred times larger.
    index('reboots_ended').on(
      ...[
        table.success,
        table.id,
        table.completedAt,
        table.blackoutMs,
        table.sessionsKept,
        table.sessionsLost,
      ],
    ),
  ],
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
    index('transitions_at').on(table.at),
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

/** Tools of the name's server that a person, or its first start, has agreed to, by the digest of their definition (F65). */
export const approvedTools = sqliteTable('approved_tools', {
  name: text('name').primaryKey(),
  digest: text('digest').notNull(),
  approvedAt: integer('approved_at').notNull(),
  /** The principal; `first start` where nobody was asked. */
  by: text('by').notNull(),
});

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
    index('sessions_alike').on(table.instance, table.era, table.protocolVersion, table.handshakeAt),
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

/**
 * Tasks and their steps: the truth about the work (design.md, "The embedded worker"). `state` is that of `machine`,
 * for queries. `content` is all that a client wrote, and what came of it.
 */
export const tasks = sqliteTable(
  'tasks',
  {
    id: text('id').primaryKey(),
    /** The task that this is a step of; its own id if it is no subtask. */
    root: text('root').notNull(),
    parent: text('parent').references((): AnySQLiteColumn => tasks.id, { onDelete: 'cascade' }),
    /** In the plan. */
    position: integer('position').notNull(),
    kind: text('kind').$type<TaskKind>().notNull(),
    role: text('role').notNull(),
    recipe: text('recipe'),
    state: text('state').$type<TaskState>().notNull(),
    /** 0–100. */
    progress: integer('progress').notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** The machine's envelope (machines/task-persist.ts). */
    machine: text('machine', { mode: 'json' }).$type<unknown>().notNull(),
    content: blob('content', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    index('tasks_root').on(table.root, table.position),
    index('tasks_parent').on(table.parent, table.createdAt, table.id),
    index('tasks_state_kind').on(table.state, table.kind, table.createdAt, table.root, table.position),
    index('tasks_created_at').on(table.createdAt, table.id),
  ],
);

const ofTask = () =>
  text('task')
    .notNull()
    .references(() => tasks.id, { onDelete: 'cascade' });

/** `task` begins when `needs` is completed; both are steps of one task. */
export const taskDependencies = sqliteTable(
  'task_dependencies',
  {
    task: ofTask(),
    needs: text('needs')
      .notNull()
      .references(() => tasks.id, { onDelete: 'cascade' }),
  },
  (table) => [
    primaryKey({ columns: [table.task, table.needs] }),
    index('task_dependencies_needs').on(table.needs),
  ],
);

/** What a step left. `about` is its name and media type; a large `content` is a sealed file of this id instead. */
export const artifacts = sqliteTable(
  'artifacts',
  {
    id: text('id').primaryKey(),
    task: ofTask(),
    position: integer('position').notNull(),
    bytes: integer('bytes').notNull(),
    sha256: text('sha256').notNull(),
    about: blob('about', { mode: 'buffer' }).notNull(),
    content: blob('content', { mode: 'buffer' }),
  },
  (table) => [index('artifacts_task').on(table.task, table.position)],
);

/**
 * Who drives a task: one process of one generation of one instance. `releasedAt`: it let go of it; the next generation
 * of that instance goes on, or anybody once that instance is dead.
 */
export const leases = sqliteTable(
  'leases',
  {
    task: text('task')
      .primaryKey()
      .references(() => tasks.id, { onDelete: 'cascade' }),
    instance: text('instance').notNull(),
    generation: integer('generation').notNull(),
    pid: integer('pid').notNull(),
    startTime: text('start_time').notNull(),
    bootId: text('boot_id').notNull(),
    takenAt: integer('taken_at').notNull(),
    releasedAt: integer('released_at'),
  },
  (table) => [
    index('leases_owner').on(
      ...[table.instance, table.generation, table.pid, table.startTime, table.bootId, table.releasedAt],
    ),
  ],
);

/**
 * Every start of a recipe's command (F11). `intended` is written before the spawn, `running` with the process that it
 * became. `ended`: its exit was seen. `lost`: whoever took over made sure that it is gone; how it ended is unknown.
 */
export const recipeRuns = sqliteTable(
  'recipe_runs',
  {
    id: text('id').primaryKey(),
    task: ofTask(),
    root: text('root').notNull(),
    attempt: integer('attempt').notNull(),
    /** As the configuration said when it was started. */
    idempotent: integer('idempotent', { mode: 'boolean' }).notNull(),
    instance: text('instance').notNull(),
    generation: integer('generation').notNull(),
    state: text('state').$type<'intended' | 'running' | 'ended' | 'lost'>().notNull(),
    pid: integer('pid'),
    startTime: text('start_time'),
    bootId: text('boot_id'),
    startedAt: integer('started_at').notNull(),
    endedAt: integer('ended_at'),
    exitCode: integer('exit_code'),
    exitSignal: text('exit_signal'),
    stderrTail: blob('stderr_tail', { mode: 'buffer' }),
  },
  (table) => [
    index('recipe_runs_task').on(table.task),
    index('recipe_runs_root_state').on(table.root, table.state),
  ],
);

/** The journal of the tasks: each row was committed with its transition, before the effect. */
export const taskEvents = sqliteTable(
  'task_events',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    task: ofTask(),
    root: text('root').notNull(),
    /** Who did it: an orchestrator. */
    instance: text('instance').notNull(),
    generation: integer('generation').notNull(),
    /** Empty for a task that was planned. */
    from: text('from').$type<TaskState>(),
    to: text('to').$type<TaskState>().notNull(),
    event: text('event').notNull(),
    at: integer('at').notNull(),
  },
  (table) => [index('task_events_task').on(table.task)],
);

/**
 * The sessions of `segue serve` (src/front/http/journal.ts). They have a file of their own, whose commits are not
 * synced to disk one by one.
 */
export const httpSessions = sqliteTable('http_sessions', {
  id: text('id').primaryKey(),
  principal: text('principal').notNull(),
  /** Of the worker that serves it. */
  workerKey: text('worker_key').notNull(),
  createdAt: integer('created_at').notNull(),
  usedAt: integer('used_at').notNull(),
  state: blob('state', { mode: 'buffer' }).notNull(),
});

const ofHttpSession = () =>
  text('session')
    .notNull()
    .references(() => httpSessions.id, { onDelete: 'cascade' });

/** Accepted and not yet answered. `key` is the JSON text of the id. */
export const httpRequests = sqliteTable(
  'http_requests',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    session: ofHttpSession(),
    stream: text('stream').notNull(),
    key: text('key').notNull(),
    sent: integer('sent', { mode: 'boolean' }).notNull(),
    bytes: blob('bytes', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    uniqueIndex('http_requests_key').on(table.session, table.key),
    index('http_requests_stream').on(table.session, table.stream),
  ],
);

/**
 * What is known of a stream though its events were dropped: how far it came, and how far they are gone. `ended`: the
 * requests that it answers are over.
 */
export const httpStreams = sqliteTable(
  'http_streams',
  {
    session: ofHttpSession(),
    stream: text('stream').notNull(),
    lastSeq: integer('last_seq').notNull(),
    droppedSeq: integer('dropped_seq'),
    ended: integer('ended', { mode: 'boolean' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.session, table.stream] })],
);

/** In the order of `id`. `size` is that of the plain bytes; a priming event has none. */
export const httpEvents = sqliteTable(
  'http_events',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    session: ofHttpSession(),
    stream: text('stream').notNull(),
    seq: integer('seq').notNull(),
    at: integer('at').notNull(),
    size: integer('size').notNull(),
    bytes: blob('bytes', { mode: 'buffer' }),
  },
  (table) => [
    uniqueIndex('http_events_seq').on(table.session, table.stream, table.seq),
    index('http_events_session').on(table.session),
  ],
);
