/**
 * A worker thread: one job on the export of the task tables, on a connection of its own. Posts `{ok: result}` or
 * `{refused: …}`, a SegueError in plain data.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import {
  compareTaskLines,
  digestTaskLines,
  readTaskLines,
  schemaVersion,
  writeTaskLines,
} from '../../db/task-lines.ts';
import { systemEnv } from '../env.ts';
import { SegueError } from '../errors.ts';
import { createSeal, type Seal } from './seal.ts';
import { SealedLinesWriter, sealedLines } from './sealed-lines.ts';
import type { Job } from './tasks.ts';

/** For a lock: this thread has nothing else to do. */
const BUSY_TIMEOUT_MS = 2_000;

/** With less, pages of a large import are written more than once. What is only read needs next to none. */
const IMPORT_CACHE_KIBIBYTES = 32 * 1024;
const READ_CACHE_KIBIBYTES = 1024;

const job = workerData as Job;
const raw = new BetterSqlite3(job.database, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
try {
  raw.pragma('synchronous = FULL');
  raw.pragma('foreign_keys = OFF'); // readTaskLines checks them all at once, in half the time
  raw.pragma(`cache_size = -${job.kind === 'import' ? IMPORT_CACHE_KIBIBYTES : READ_CACHE_KIBIBYTES}`);
  parentPort?.postMessage({ ok: run(createSeal(Buffer.from(job.key), systemEnv)) });
} catch (error) {
  const { code, message, data } = SegueError.from(error, 'SYSTEM_NOT_READY');
  parentPort?.postMessage({ refused: { code, message, data } });
} finally {
  raw.close();
}

function run(seal: Seal) {
  const { file, identity } = job;
  switch (job.kind) {
    case 'export':
      return exportTo(seal);
    case 'compare':
      return compareTaskLines(raw, sealedLines(file, seal, identity));
    case 'digest':
      return digestTaskLines(sealedLines(file, seal, identity), schemaVersion(raw));
    case 'import':
      return readTaskLines(raw, sealedLines(file, seal, identity), job.options);
  }
}

/** The file appears with its whole content, or not at all. */
function exportTo(seal: Seal) {
  const draft = `${job.file}.draft`;
  mkdirSync(dirname(job.file), { recursive: true, mode: 0o700 });
  const writer = new SealedLinesWriter(draft, seal, job.identity);
  try {
    const digest = writeTaskLines(raw, (line) => writer.add(line));
    writer.finish();
    renameSync(draft, job.file);
    return { ...digest, bytes: writer.bytes };
  } finally {
    writer.close();
    rmSync(draft, { force: true });
  }
}
