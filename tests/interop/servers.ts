/** The reference servers, and what a client asks each of them: the same questions directly and through Segue. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, worker } from '../support/launch.ts';

export interface Question {
  /** A tool, a resource by its URI, or a prompt. */
  call?: [tool: string, args?: Record<string, unknown>];
  read?: string;
  prompt?: [name: string, args?: Record<string, string>];
}

export interface ReferenceServer {
  name: string;
  /** argv in a fresh sandbox folder, which also takes the server's data. */
  command(sandbox: string): string[];
  env?(sandbox: string): Record<string, string>;
  questions(sandbox: string): Question[];
  /** One tool call for a command line client, and what its answer holds. */
  quick: { tool: string; args: Record<string, string>; answer: string };
}

function packaged(name: string): string[] {
  return [process.execPath, join(ROOT, `node_modules/@modelcontextprotocol/server-${name}/dist/index.js`)];
}

const everything: ReferenceServer = {
  name: 'everything',
  command: () => [...packaged('everything'), 'stdio'],
  questions: () => [
    { call: ['echo', { message: 'hi ✓ \u2028' }] },
    { call: ['get-sum', { a: 1, b: 2 }] },
    { call: ['get-tiny-image'] },
    { call: ['get-structured-content', { location: 'Chicago' }] },
    { call: ['get-annotated-message', { messageType: 'error', includeImage: true }] },
    { call: ['get-resource-links', { count: 3 }] },
    { call: ['trigger-sampling-request', { prompt: 'x', maxTokens: 5 }] },
    { call: ['trigger-elicitation-request'] },
    { call: ['get-sum', { a: 'no number' }] },
    { call: ['no-such-tool'] },
    { read: 'demo://resource/static/document/architecture.md' },
    { read: 'demo://no/such/resource' },
    { prompt: ['simple-prompt'] },
    { prompt: ['args-prompt', { city: 'Paris' }] },
    { prompt: ['no-such-prompt'] },
  ],
  quick: { tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
};

const filesystem: ReferenceServer = {
  name: 'filesystem',
  command(sandbox) {
    const files = join(sandbox, 'files');
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, 'note.txt'), 'one\ntwo\n');
    return [...packaged('filesystem'), files];
  },
  questions: (sandbox) => [
    { call: ['list_allowed_directories'] },
    { call: ['list_directory', { path: join(sandbox, 'files') }] },
    { call: ['read_text_file', { path: join(sandbox, 'files/note.txt'), head: 1 }] },
    { call: ['write_file', { path: join(sandbox, 'files/new.txt'), content: 'new' }] },
    {
      call: [
        'edit_file',
        { path: join(sandbox, 'files/new.txt'), edits: [{ oldText: 'new', newText: 'old' }] },
      ],
    },
    { call: ['read_text_file', { path: join(sandbox, 'files/new.txt') }] },
    { call: ['read_text_file', { path: '/etc/hostname' }] },
  ],
  quick: { tool: 'list_allowed_directories', args: {}, answer: 'files' },
};

const memory: ReferenceServer = {
  name: 'memory',
  command: () => packaged('memory'),
  env: (sandbox) => ({ MEMORY_FILE_PATH: join(sandbox, 'memory.jsonl') }),
  questions: () => [
    { call: ['create_entities', { entities: [{ name: 'a', entityType: 'b', observations: ['c'] }] }] },
    { call: ['add_observations', { observations: [{ entityName: 'a', contents: ['d'] }] }] },
    { call: ['search_nodes', { query: 'd' }] },
    { call: ['read_graph'] },
    { read: 'memory://knowledge-graph' },
  ],
  quick: { tool: 'read_graph', args: {}, answer: 'entities' },
};

const thought = (thoughtNumber: number) => ({
  thought: `thought ${thoughtNumber}`,
  nextThoughtNeeded: thoughtNumber < 2,
  thoughtNumber,
  totalThoughts: 2,
});

const sequentialThinking: ReferenceServer = {
  name: 'sequential-thinking',
  command: () => packaged('sequential-thinking'),
  questions: () => [
    { call: ['sequentialthinking', thought(1)] },
    { call: ['sequentialthinking', thought(2)] },
    { call: ['sequentialthinking', { thought: 'no number' }] },
  ],
  quick: {
    tool: 'sequentialthinking',
    args: { thought: 'one', nextThoughtNeeded: 'false', thoughtNumber: '1', totalThoughts: '1' },
    answer: 'thoughtHistoryLength',
  },
};

export const REFERENCE_SERVERS = [everything, filesystem, memory, sequentialThinking] as const;

/** The modern fixture, asked what a modern client can ask. */
export const MODERN_SERVER: ReferenceServer = {
  name: 'modern',
  command: () => worker('modern', 'modern-only'),
  // It says which generation it is; behind Segue it is the first one.
  env: () => ({ SEGUE_WORKER: 'direct/1' }),
  questions: () => [
    { call: ['echo', { text: 'hi' }] },
    { call: ['confirm'] },
    { call: ['no-such-tool'] },
    { read: 'test://note' },
  ],
  quick: { tool: 'echo', args: { text: 'hello' }, answer: 'hello' },
};

/** A fresh folder under `home` for one run of a server. */
export function sandboxIn(home: string): string {
  return mkdtempSync(join(home, 'box-'));
}
