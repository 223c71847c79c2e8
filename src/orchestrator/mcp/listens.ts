/** The open `subscriptions/listen` requests of a modern client: what it is told of tasks that change. */
import { isObject, type Json, notificationLine } from '../../wire/message.ts';
import { find, replace } from '../../wire/spans.ts';
import type { Orchestrator } from '../types.ts';
import { detailedTask, tasksNotUnderstood } from './mcp-tasks.ts';
import type { Send } from './peer.ts';
import { taskUri } from './resources.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

interface Listen {
  resourceSubscriptions: string[];
  /** Of the extension io.modelcontextprotocol/tasks. */
  taskIds: string[];
}

export class Listens {
  readonly #byKey = new Map<string, Listen>();
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Acknowledges what will be told; the request has no answer as long as it is open. */
  open(key: string, params: Json, understandsTasks: boolean): void {
    const filter = isObject(params.notifications) ? params.notifications : {};
    const listen = {
      resourceSubscriptions: strings(filter.resourceSubscriptions),
      taskIds: strings(filter.taskIds),
    };
    if (listen.taskIds.length > 0 && !understandsTasks) throw tasksNotUnderstood();
    this.#byKey.set(key, listen);
    const notifications = Object.fromEntries(Object.entries(listen).filter(([, list]) => list.length > 0));
    this.#tell(key, 'notifications/subscriptions/acknowledged', { notifications });
  }

  close(key: string): void {
    this.#byKey.delete(key);
  }

  /** Never rejects: of a task that cannot be read nothing is said. */
  async changed(ids: readonly string[], orchestrator: Orchestrator): Promise<void> {
    for (const [key, { resourceSubscriptions, taskIds }] of this.#byKey)
      for (const id of ids) {
        const uri = taskUri(id);
        if (resourceSubscriptions.includes(uri)) this.#tell(key, 'notifications/resources/updated', { uri });
        if (!taskIds.includes(id)) continue;
        const task = await orchestrator
          .readTask(id)
          .then((read) => detailedTask(orchestrator, read))
          .catch(() => null);
        if (task) this.#tell(key, 'notifications/tasks', task);
      }
  }

  #tell(key: string, method: string, params: Json): void {
    if (!this.#byKey.has(key)) return; // cancelled meanwhile
    const line = notificationLine(method, { ...params, _meta: { [SUBSCRIPTION_ID]: null } });
    // The id goes in as its own text: it may be an integer above 2^53.
    this.#send(replace(line, find(line, ['params', '_meta', SUBSCRIPTION_ID])!, key));
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
