import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readSafeFile } from '../../src/config/safe-file.ts';
import { shows } from '../support/shows.ts';

/** Only root can give a file to somebody else. */
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)('owner', () => {
  shows('F59', 'a config of another user is refused', () => {
    const folder = mkdtempSync(join(tmpdir(), 'segue-owner-'));
    try {
      const file = join(folder, 'segue.json');
      writeFileSync(file, '{}', { mode: 0o600 });
      chownSync(file, 65534, 65534);
      expect(() => readSafeFile(file)).toThrowError(/belongs to another user \(uid 65534\)/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
