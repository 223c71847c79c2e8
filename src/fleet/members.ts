/** The workers that a fleet is made of. */
import type { Control } from '../control/types.ts';

/** One worker with its own lifecycle; a Supervisor is one. */
export interface Member {
  /** Unique for the life of the service. */
  readonly instance: string;
  readonly control: Control;
}

/** As a sentence names it. */
export function named(instance: string): string {
  return `server ${instance.slice(0, 8)}`;
}
