import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { capture } from '../../src/serializer/capture.ts';
import { packSnapshot, unpackSnapshot } from '../../src/serializer/snapshot.ts';
import { shows } from '../support/shows.ts';
import { live } from './live.ts';

describe('a snapshot', () => {
  shows('A1', 'holds sessions, requests, machine, server, worker state and tasks', () => {
    const tasks = { digest: 'd', count: 7, bytes: 800, file: 'f.tasks' };
    const document = { ...capture(live()), schema: 2, tasks };
    const { plain, sha256 } = packSnapshot(document);
    expect(unpackSnapshot(plain, sha256)).toEqual(document);
    expect(unpackSnapshot(plain, sha256)).toMatchObject({
      format: 1,
      reboot_id: 'r-1',
      machine: { snapshot: { value: 'alive' } },
      schema: 2,
      tasks,
      worker_state: { saved_at: 3, state: { counter: 7 } },
      sessions: [{ id: 's-1', subscriptions: ['file:///a'], held: [{ id: 'x', method: 'tools/call' }] }],
    });
  });

  it('keeps the bytes of messages as they were', () => {
    const message = randomBytes(1000);
    const document = capture(live({ held: [{ id: 1, method: 'm', arrivedAt: 0, message }] }));
    expect(Buffer.from(document.sessions[0]!.held[0]!.message, 'base64')).toEqual(message);
    // A view into a larger buffer: only its own bytes.
    const part = Buffer.from('[part]').subarray(1, 5);
    const cut = capture(live({ held: [{ id: 1, method: 'm', arrivedAt: 0, message: part }] }));
    expect(Buffer.from(cut.sessions[0]!.held[0]!.message, 'base64').toString()).toBe('part');
  });

  shows('F60', 'names environment variables and never holds their values', () => {
    const document = capture({ ...live(), environment: { TOKEN: 'hunter2', HOME: '/root' } });
    expect(document.environment).toEqual(['HOME', 'TOKEN']);
    expect(packSnapshot(document).plain.includes('hunter2')).toBe(false);
  });

  shows('A2', 'has a hash that covers every byte of its content', () => {
    const { plain, sha256 } = packSnapshot(capture(live()));
    for (let index = 0; index < plain.length; index += 1) {
      const changed = Buffer.from(plain);
      changed[index]! ^= 1;
      expect(() => unpackSnapshot(changed, sha256)).toThrow('hash');
    }
  });

  shows('A5 F48', 'is refused with the reason when its content is not what we know', () => {
    const refused = (content: string) => () =>
      unpackSnapshot(Buffer.from(content), createHash('sha256').update(content).digest('hex'));
    expect(refused('{"format":')).toThrow('no JSON');
    expect(refused('{"format":2}')).toThrow('format');
    expect(() => packSnapshot({ ...capture(live()), saved_at: 'now' as unknown as number })).toThrow(
      'saved_at',
    );
  });

  shows('G1', 'of many large messages comes back whole', () => {
    const held = Array.from({ length: 64 }, (_, id) => ({
      id,
      method: 'tools/call',
      arrivedAt: 0,
      message: randomBytes(256 * 1024),
    }));
    const { plain, sha256 } = packSnapshot(capture(live({ held })));
    const [session] = unpackSnapshot(plain, sha256).sessions;
    expect(session!.held.map(({ message }) => Buffer.from(message, 'base64'))).toEqual(
      held.map(({ message }) => message),
    );
  });
});
