// Keeps items from READINGS that could not be used, with the reason, for people to look at and to replay. The store is
// bounded in age and bytes; whatever it evicts stays counted, so that the account of readings always balances.
import type { DpuId } from '../domain/ids.ts';
import type { RejectReason } from '../domain/reading.ts';

/** Names a letter. READINGS may reuse a sequence after it has lost its end, so the arrival time belongs to it. */
export interface LetterKey {
  readonly reason: RejectReason;
  /** The message's sequence in READINGS. */
  readonly readingsSeq: number;
  /** The first item's index in the message, from 0. */
  readonly index: number;
  /** When the message arrived in READINGS. */
  readonly arrivedMs: number;
}

/** All items of one message that were rejected for the same reason. */
export interface DeadLetter extends LetterKey {
  /** Why the first of the items was rejected, in words. */
  readonly detail: string;
  /** The message's subject in READINGS. */
  readonly subject: string;
  /** The number of items. */
  readonly items: number;
  /** A single item as it was received, or several as a JSON array. */
  readonly raw: Uint8Array;
  /** True if `raw` is truncated, because the items exceed the size of a message. */
  readonly isCut: boolean;
}

export interface KeptLetter extends DeadLetter {
  readonly storedMs: number;
}

/** A kept letter without its bytes. */
export interface LetterSummary extends Omit<KeptLetter, 'raw'> {
  readonly bytes: number;
}

/** Letters to select; a field that is left out selects all. */
export interface LetterSelection {
  readonly reason?: RejectReason | undefined;
  /** Stored at or after, and before. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** How a letter was replayed. */
export interface Replay {
  /** Added to the timestamps of its readings. */
  readonly shiftMs: number;
  /** The DPU whose readings they became; null for the one that sent them. */
  readonly dpuId: DpuId | null;
}

export interface RecordedReplay extends Replay {
  readonly atMs: number;
  /** Identifies the options that a payload was read with; absent where there was nothing to read again. */
  readonly readAs?: string;
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

export interface DeadLetters {
  /** Idempotent: a letter replaces one with the same reason, sequence and index. Resolves once all are stored. */
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** Counts items, not letters: those in letters still kept, and those in letters evicted so far. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters older than `ageMaxMs`, and the oldest ones while the store exceeds its bound in bytes. */
  evict(ageMaxMs: number): Promise<void>;
  /** The letters that are kept now, oldest first. */
  letters(selection: LetterSelection): AsyncIterable<KeptLetter>;
  /**
   * Records how a letter is replayed, unless that is recorded already. Durable, and atomic between processes.
   * @returns what is recorded now
   */
  recordReplay(letter: LetterKey, replay: RecordedReplay): Promise<RecordedReplay>;
}

/** What people look through. */
export interface ListedLetters {
  /** The letters that are kept now, oldest first. */
  summaries(): AsyncIterable<LetterSummary>;
  /** A letter's bytes, and how it was replayed; undefined once it is evicted. */
  content(
    letter: LetterKey,
  ): Promise<{ readonly raw: Uint8Array; readonly replay: RecordedReplay | undefined } | undefined>;
}

/** The id of a letter in the API. */
export function letterIdOf({ reason, readingsSeq, index }: LetterKey): string {
  return `${reason}.${readingsSeq}.${index}`;
}
