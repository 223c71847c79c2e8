import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { systemEnv } from '../../src/env.ts';
import { createSeal } from '../../src/serializer/seal.ts';
import { shows } from '../support/shows.ts';

const seal = createSeal(randomBytes(32), systemEnv);
const plain = Buffer.from('a held request');

function reasonOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return { ...(error as { code: string }), reason: (error as { data: { reason: string } }).data.reason };
  }
  return 'opened';
}

describe('the seal', () => {
  it('opens what it has sealed, and seals the same content differently each time', () => {
    const [one, two] = [seal.seal(plain, 'a/1'), seal.seal(plain, 'a/1')];
    expect(seal.open(one, 'a/1')).toEqual(plain);
    expect(seal.open(two, 'a/1')).toEqual(plain);
    expect(one.equals(two)).toBe(false);
    expect(seal.open(seal.seal(Buffer.alloc(0), 'a/1'), 'a/1')).toHaveLength(0);
  });

  shows('F61 M6', 'hides the content and the key', () => {
    expect(seal.seal(plain, 'a/1').includes('held')).toBe(false);
    expect(seal.keyId).toMatch(/^[0-9a-f]{16}$/);
  });

  shows('F66', 'is broken by a flip of any bit, and by a cut anywhere', () => {
    const sealed = seal.seal(plain, 'a/1');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(reasonOf(() => seal.open(changed, 'a/1'))).toMatchObject({ code: 'STATE_CORRUPTION' });
    }
    for (let length = 0; length < sealed.length; length += 1) {
      const cut = sealed.subarray(0, length);
      expect(reasonOf(() => seal.open(cut, 'a/1'))).toMatchObject({ code: 'STATE_CORRUPTION' });
    }
  });

  shows('F66', 'does not open in another row', () => {
    const sealed = seal.seal(plain, 'a/1');
    expect(reasonOf(() => seal.open(sealed, 'a/2'))).toMatchObject({ reason: 'tampered' });
  });

  shows('F66', 'names another key as the reason', () => {
    const other = createSeal(randomBytes(32), systemEnv);
    const refusal = reasonOf(() => other.open(seal.seal(plain, 'a/1'), 'a/1'));
    expect(refusal).toMatchObject({ code: 'STATE_CORRUPTION', reason: 'wrong_key' });
  });

  it('refuses a format that it does not know', () => {
    const sealed = seal.seal(plain, 'a/1');
    sealed[0] = 9;
    expect(reasonOf(() => seal.open(sealed, 'a/1'))).toMatchObject({ reason: 'format' });
  });
});
