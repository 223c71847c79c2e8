/**
 * The one seal for everything that holds message content: AES-256-GCM.
 *
 *   version (1 byte) · key id (8) · nonce (12) · tag (16) · ciphertext
 *
 * Version, key id and the identity of the row are bound as associated data: a sealed value that is moved to another
 * row, changed in a bit, or opened with another key is refused (F66).
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';

const VERSION = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES;
const OVERHEAD_BYTES = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;
const CIPHER = 'aes-256-gcm';

export interface Seal {
  /** Names the key without giving it away: 16 hex digits. */
  readonly keyId: string;
  /** `identity` names where the value will lie, e.g. `snapshot/<id>`; the same must be given to open it. */
  seal(plain: Uint8Array, identity: string): Buffer;
  /** Throws STATE_CORRUPTION, its `data.reason` being `format`, `wrong_key` or `tampered`. */
  open(sealed: Uint8Array, identity: string): Buffer;
}

/** `key`: 32 bytes. */
export function createSeal(key: Buffer, env: Env): Seal {
  const keyId = createHash('sha256').update('segue key id\0').update(key).digest().subarray(0, KEY_ID_BYTES);
  const head = Buffer.concat([Buffer.of(VERSION), keyId]);
  const bound = (identity: string) => Buffer.concat([head, Buffer.from(identity)]);
  return {
    keyId: keyId.toString('hex'),
    seal(plain, identity) {
      const nonce = env.bytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound(identity));
      const content = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([head, nonce, cipher.getAuthTag(), content]);
    },
    open(sealed, identity) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < OVERHEAD_BYTES || bytes[0] !== VERSION) {
        throw refused(identity, 'format', `unknown format (version ${bytes[0] ?? 'missing'})`);
      }
      if (!bytes.subarray(1, HEAD_BYTES).equals(keyId)) {
        throw refused(identity, 'wrong_key', 'it was sealed with another key');
      }
      const nonce = bytes.subarray(HEAD_BYTES, HEAD_BYTES + NONCE_BYTES);
      const tag = bytes.subarray(HEAD_BYTES + NONCE_BYTES, OVERHEAD_BYTES);
      const cipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(bound(identity))
        .setAuthTag(tag);
      try {
        return Buffer.concat([cipher.update(bytes.subarray(OVERHEAD_BYTES)), cipher.final()]);
      } catch (error) {
        throw refused(identity, 'tampered', 'its content was changed', error);
      }
    },
  };
}

function refused(identity: string, reason: string, why: string, cause?: unknown): SegueError {
  return new SegueError('STATE_CORRUPTION', `${identity} cannot be opened: ${why}`, {
    data: { identity, reason },
    cause,
  });
}
