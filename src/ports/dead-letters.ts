// Where what cannot be used is kept.
import type { RejectReason } from '../domain/reading.ts';

/** The items of one message that cannot be used for one reason. */
export interface DeadLetter {
  readonly reason: RejectReason;
  /** Of the first of them. */
  readonly detail: string;
  /** The subject and the sequence in READINGS they came with, and the place of the first in the message. */
  readonly subject: string;
  readonly readingsSeq: number;
  readonly index: number;
  /** How many there are. */
  readonly items: number;
  /** The item as it was received, or several as an array. */
  readonly raw: Uint8Array;
  /** There was more than `raw` has room for. */
  readonly isCut: boolean;
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

/** Keeps what could not be used, and of that only so much. Storing a letter again changes nothing while it is kept. */
export interface DeadLetters {
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** How many items the letters stand for that are kept, and those that were evicted. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters that are older, and the oldest beyond the bound in bytes. What they stood for stays counted. */
  evict(ageMaxMs: number): Promise<void>;
}
