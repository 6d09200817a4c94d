// Keeps items from READINGS that could not be used, with the reason, for people to look at. The store is bounded in age
// and bytes; whatever it evicts stays counted, so that the account of readings always balances.
import type { RejectReason } from '../domain/reading.ts';

/** All items of one message that were rejected for the same reason. */
export interface DeadLetter {
  readonly reason: RejectReason;
  /** Why the first of the items was rejected, in words. */
  readonly detail: string;
  /** The message's subject and sequence in READINGS. */
  readonly subject: string;
  readonly readingsSeq: number;
  /** The first item's index in the message, from 0. */
  readonly index: number;
  /** The number of items. */
  readonly items: number;
  /** A single item as it was received, or several as a JSON array. */
  readonly raw: Uint8Array;
  /** True if `raw` is truncated, because the items exceed the size of a message. */
  readonly isCut: boolean;
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

export interface DeadLetters {
  /** Idempotent: a letter replaces one with the same reason, sequence and index. Resolves once all are stored. */
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** Counts items, not letters: those in letters still kept, and those in letters evicted so far. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters older than `ageMaxMs`, and the oldest ones while the store exceeds its bound in bytes. */
  evict(ageMaxMs: number): Promise<void>;
}
