import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { findKey, keySource, loadKey } from '../../src/serializer/key.ts';
import { program, room } from '../state/rooms.ts';
import { shows } from '../support/shows.ts';

describe('the key', () => {
  it('comes from SEGUE_KEY as hex or base64, and then no file is made', async () => {
    const { environment, home } = room();
    const key = randomBytes(32);
    for (const secret of [key.toString('hex'), key.toString('base64'), key.toString('base64url')]) {
      const source = keySource({ ...environment, SEGUE_KEY: secret });
      expect(await loadKey(source, systemEnv)).toEqual(key);
    }
    expect(readdirSync(home)).toEqual([]);
  });

  shows('F60', 'is refused when it has another length, without being shown', async () => {
    const { environment } = room();
    const source = keySource({ ...environment, SEGUE_KEY: 'correct horse battery staple' });
    const refusal = await loadKey(source, systemEnv).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'INITIALIZATION_FAILED' });
    expect(refusal.message).not.toContain('horse');
  });

  shows('F61', 'is made once, 0600 whatever the umask, and found again', async () => {
    const { environment } = room();
    const source = keySource(environment);
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    expect(await findKey(source)).toBeNull();
    const key = await loadKey(source, systemEnv);
    expect(key).toHaveLength(32);
    expect(statSync(source.file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(source.file)).mode & 0o777).toBe(0o700);
    expect(await loadKey(source, systemEnv)).toEqual(key);
  });

  shows('F49', 'is the same for all that make it at the same moment', async () => {
    const { environment } = room();
    const source = keySource(environment);
    const file = new URL('./fixtures/loads-key.ts', import.meta.url);
    const racers = Array.from({ length: 4 }, () => program(file, source));
    await Promise.all(racers.map((racer) => racer.next()));
    for (const racer of racers) racer.say('go');
    const keys = await Promise.all(racers.map((racer) => racer.next()));
    expect(new Set(keys.map(({ key }) => key))).toEqual(
      new Set([readFileSync(source.file, 'latin1').trim()]),
    );
    expect(readdirSync(dirname(source.file))).toEqual(['key']);
  });

  shows(
    'F59',
    'is refused from a file that others can read, from a link, and from one that holds no key',
    async () => {
      const { environment } = room();
      const source = keySource(environment);
      await loadKey(source, systemEnv);
      chmodSync(source.file, 0o640);
      await expect(loadKey(source, systemEnv)).rejects.toThrow('0600');
      renameSync(source.file, `${source.file}.elsewhere`);
      symlinkSync(`${source.file}.elsewhere`, source.file);
      await expect(loadKey(source, systemEnv)).rejects.toMatchObject({ code: 'INITIALIZATION_FAILED' });
      renameSync(`${source.file}.elsewhere`, source.file);
      writeFileSync(source.file, 'short');
      chmodSync(source.file, 0o600);
      await expect(loadKey(source, systemEnv)).rejects.toThrow('32 bytes');
    },
  );
});
