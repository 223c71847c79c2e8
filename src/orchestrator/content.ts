/** What a client wrote of a task, and what came of it: sealed in one blob, bound to the task's id (F61). */
import type { z } from 'zod';
import { SegueError } from '../errors.ts';
import type { Seal } from '../serializer/seal.ts';

export type JsonValue = z.infer<ReturnType<typeof z.json>>;

export interface TaskContent {
  /** Its name within the plan; null for a task that is no subtask. */
  key: string | null;
  title: string;
  description: string;
  params?: JsonValue | undefined;
  result?: JsonValue | undefined;
  /** Why it failed, was cancelled or is suspended. */
  error?: string | undefined;
}

export function sealContent(seal: Seal, id: string, content: TaskContent): Buffer {
  return seal.seal(Buffer.from(JSON.stringify(content)), identity(id));
}

/** @throws SegueError STATE_CORRUPTION */
export function openContent(seal: Seal, row: { id: string; content: Buffer }): TaskContent {
  const text = seal.open(row.content, identity(row.id)).toString();
  try {
    return JSON.parse(text) as TaskContent; // the seal vouches that we wrote it
  } catch (cause) {
    throw new SegueError('STATE_CORRUPTION', `the content of task ${row.id} is no JSON`, { cause });
  }
}

const identity = (id: string) => `task/${id}`;
