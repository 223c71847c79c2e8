/** Tasks and artifacts as resources: `task://{id}` and `artifact://{id}`. */

import { SegueError } from '../../errors.ts';
import { fitting } from '../../mcp/tools.ts';
import type { Json } from '../../wire/message.ts';
import { LIMITS } from '../schemas.ts';
import type { Orchestrator } from '../types.ts';

const JSON_TYPE = 'application/json';

export const taskUri = (id: string) => `task://${id}`;

export const TEMPLATES: readonly Json[] = [
  {
    uriTemplate: 'task://{id}',
    name: 'task',
    title: 'Task',
    description: 'All of one task: its steps, results and artifacts. Subscribe to be told of each change.',
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: 'artifact://{id}',
    name: 'artifact',
    title: 'Artifact',
    description: 'The content of what a step left.',
  },
];

/** The newest tasks that are no subtask; query_tasks finds them all. */
export async function listTasks(orchestrator: Orchestrator): Promise<Json[]> {
  const { tasks } = await orchestrator.query({ top_level: true, limit: LIMITS.page });
  return tasks.map(({ task_id, title }) => ({
    ...{ uri: taskUri(task_id), name: task_id, title, mimeType: JSON_TYPE },
  }));
}

/** The `contents` of resources/read. Rejects INVALID_PARAMETERS for what is none of ours. */
export async function read(orchestrator: Orchestrator, uri: unknown): Promise<Json[]> {
  const [, scheme, id] = /^(task|artifact):\/\/([^/?#]+)$/.exec(String(uri)) ?? [];
  if (id === undefined) throw new SegueError('INVALID_PARAMETERS', `no resource has the URI ${String(uri)}`);
  if (scheme === 'task')
    return [{ uri, mimeType: JSON_TYPE, text: fitting(JSON.stringify(await orchestrator.readTask(id))) }];
  const { content, media_type: mimeType } = await orchestrator.readArtifact(id);
  const isText = /^text\/|[/+](json|xml|javascript)$/.test(mimeType);
  return [
    { uri, mimeType, ...(isText ? { text: content.toString() } : { blob: content.toString('base64') }) },
  ];
}
