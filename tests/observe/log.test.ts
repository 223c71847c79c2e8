import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../src/observe/log.ts';
import { isSecretName, redact, redactArgs, redactText } from '../../src/observe/redact.ts';
import { shows } from '../support/shows.ts';

function written(level: Parameters<typeof createLog>[0]) {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLog(level, { write: (line) => void lines.push(JSON.parse(line)) }) };
}

describe('the log', () => {
  it('writes a line of JSON with level, time, fields and message', () => {
    const { lines, log } = written('info');
    log.child({ generation: 7 }).warn({ pid: 1 }, 'it ended');
    log.debug({}, 'not at this level');
    expect(lines).toEqual([
      { level: 'warn', time: expect.stringMatching(/^\d{4}-.*Z$/), generation: 7, pid: 1, msg: 'it ended' },
    ]);
  });

  shows('F60', 'environment values, tokens and passwords are never in a log line', () => {
    const { lines, log } = written('trace');
    const error = Object.assign(new Error('refused Bearer abcdefghijkl'), {
      headers: { authorization: 'secret-1' },
      cause: new Error('postgres://me:secret-2@host/db'),
    });
    log.child({ apiKey: 'secret-3' }).error(
      {
        err: error,
        env: { PATH: 'secret-4' },
        command: { file: 'x', args: ['--api-key', 'secret-5', '--token=secret-6', '--port', '80'] },
        nested: [{ deeper: { client_secret: 'secret-7' } }],
      },
      `with sk-aaaaaaaaaaaaaaaaaaaa and segue_${'a'.repeat(43)}, by segue_restart_server`,
    );
    const text = JSON.stringify(lines);
    expect(text).not.toMatch(/secret-\d|abcdefghijkl|sk-aaaa|segue_aaaa/);
    expect(text).toContain('segue_restart_server'); // a tool, no token
    expect(lines[0]).toMatchObject({
      env: ['PATH'],
      err: { type: 'Error', message: 'refused Bearer [hidden]' },
    });
    expect(text).toContain('"--port","80"');
  });

  it('does not block on a client that never reads stderr, and keeps what it holds back within bounds', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'flood.ts')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let answer = '';
    child.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    await once(child.stdout, 'end');
    expect(JSON.parse(answer).waitingBytes).toBeLessThan(512 * 1024);
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });
});

describe('redaction', () => {
  it.each(['token', 'apiKey', 'API_KEY', '--client-secret', 'x-api-key', 'Authorization', 'refreshToken'])(
    'takes %s for a secret',
    (name) => expect(isSecretName(name)).toBe(true),
  );

  it.each(['tokens', 'progressToken', 'key', 'name', 'secretary', 'authority'])('leaves %s alone', (name) =>
    expect(isSecretName(name)).toBe(false),
  );

  it('leaves ordinary text and arguments as they are', () => {
    expect(redactText('started node server.js in /srv at http://localhost:80/x')).toBe(
      'started node server.js in /srv at http://localhost:80/x',
    );
    expect(redactArgs(['--name', 'x', '-v', 'A=b'])).toEqual(['--name', 'x', '-v', 'A=b']);
  });

  it('survives cycles, depth, bigints, buffers and functions', () => {
    const cycle: Record<string, unknown> = { big: 1n, bytes: Buffer.from('abc'), run() {} };
    cycle.self = cycle;
    expect(redact(cycle)).toEqual({ big: '1', bytes: '[3 bytes]', run: undefined, self: '[circular]' });
    let deep: unknown = 'x';
    for (let i = 0; i < 100; i++) deep = { deep };
    expect(JSON.stringify(redact(deep))).toContain('[deep]');
  });
});
