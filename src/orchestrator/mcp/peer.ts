import type { Message } from '../../wire/message.ts';

/** Takes one message without its newline. */
export type Send = (line: Buffer) => void;

/** The client, in the words of its era. */
export interface Peer {
  receive(message: Message): void;
  /** Tasks of these ids have changed, by whomever. */
  changed(ids: string[]): void;
}
