/**
 * What a step leaves. A small artifact lies sealed in the database; a large one in a sealed file (0600) beside it that
 * is complete before its row is written. A file whose row never came is swept away at a later start.
 */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRow } from '../../db/artifacts.ts';
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Seal } from '../serializer/seal.ts';
import { privateDirectory } from '../state/directory.ts';
import type { ArtifactInput } from './schemas.ts';
import { aboutIdentity } from './views.ts';

/** Above this an artifact is a file. */
const INLINE_BYTES = 64 * 1024;
/** A file without a row may belong to somebody who is just writing it. */
const SWEEP_AGE_MS = 3600 * 1000;

export interface ArtifactFilesOptions {
  env: Env;
  seal: Seal;
  /** Made when the first file is written. */
  directory: string;
  maxBytes: number;
}

export class ArtifactFiles {
  readonly #options: ArtifactFilesOptions;

  constructor(options: ArtifactFilesOptions) {
    this.#options = options;
  }

  /**
   * The rows of what a step left, and the files that they need.
   * @throws SegueError INVALID_PARAMETERS for one that is too large or no base64; SYSTEM_NOT_READY when it cannot be kept
   */
  async keep(task: string, inputs: readonly ArtifactInput[]): Promise<ArtifactRow[]> {
    const plain = inputs.map((input) => ({ input, content: this.#decode(input) }));
    const rows: ArtifactRow[] = [];
    for (const [position, { input, content }] of plain.entries()) {
      const id = this.#options.env.uuid();
      const { seal } = this.#options;
      const about = { name: input.name, media_type: input.media_type };
      const sealed = seal.seal(content, contentIdentity(id));
      const inline = content.length <= INLINE_BYTES;
      if (!inline) await this.#write(id, sealed);
      rows.push({
        ...{ id, task, position, bytes: content.length, sha256: sha256(content) },
        about: seal.seal(Buffer.from(JSON.stringify(about)), aboutIdentity(id)),
        content: inline ? sealed : null,
      });
    }
    return rows;
  }

  /** @throws SegueError STATE_CORRUPTION when the file is missing or was changed */
  async read(row: ArtifactRow): Promise<Buffer> {
    const sealed = row.content ?? (await this.#read(row.id));
    const content = this.#options.seal.open(sealed, contentIdentity(row.id));
    if (sha256(content) === row.sha256) return content;
    throw new SegueError('STATE_CORRUPTION', `artifact ${row.id} is not what was stored`);
  }

  /** Of artifacts without a row. Never rejects: a file that cannot be deleted stays. */
  async discard(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => unlink(this.#file(id)).catch(() => {}))); // most are no files
  }

  /** Deletes files whose row never came. */
  async sweep(isKnown: (id: string) => boolean): Promise<void> {
    const names = await readdir(this.#options.directory).catch(() => []); // nothing large was ever kept
    for (const id of names.filter((name) => !isKnown(name))) {
      const age = await stat(this.#file(id)).then(
        ({ mtimeMs }) => this.#options.env.now() - mtimeMs,
        () => 0, // somebody else was first
      );
      if (age > SWEEP_AGE_MS) await this.discard([id]);
    }
  }

  #decode({ name, content, encoding }: ArtifactInput): Buffer {
    const bytes = Buffer.from(content, encoding);
    const { maxBytes } = this.#options;
    if (encoding === 'base64' && bytes.toString('base64').replace(/=+$/, '') !== content.replace(/=+$/, ''))
      throw new SegueError('INVALID_PARAMETERS', `artifact "${name}" is no base64`);
    if (bytes.length <= maxBytes) return bytes;
    const message = `artifact "${name}" has ${bytes.length} bytes, allowed are ${maxBytes}`;
    throw new SegueError('INVALID_PARAMETERS', message, { data: { name, bytes: bytes.length, maxBytes } });
  }

  async #write(id: string, sealed: Buffer): Promise<void> {
    try {
      await privateDirectory(this.#options.directory);
      const file = await open(this.#file(id), 'wx', 0o600);
      try {
        await file.writeFile(sealed);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.discard([id]);
      throw SegueError.from(error, 'SYSTEM_NOT_READY');
    }
  }

  async #read(id: string): Promise<Buffer> {
    try {
      return await readFile(this.#file(id));
    } catch (cause) {
      throw new SegueError('STATE_CORRUPTION', `the file of artifact ${id} cannot be read`, { cause });
    }
  }

  #file(id: string): string {
    return join(this.#options.directory, id);
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

const contentIdentity = (id: string) => `artifact/${id}`;
