// Keeps unusable items from READINGS, with the reason, for people to look at and to replay. The store is limited in
// age and bytes. Evicted items remain counted, so that the account of readings always balances.
import type { DpuId } from '../domain/ids.ts';
import type { RejectReason } from '../domain/reading.ts';

/**
 * Identifies a letter. The arrival time is included, because READINGS may reuse a sequence after it has lost its end.
 */
export interface LetterKey {
  readonly reason: RejectReason;
  /** The message's sequence in READINGS. */
  readonly readingsSeq: number;
  /** The first item's index in the message, from 0. */
  readonly index: number;
  /** When the message arrived in READINGS. */
  readonly arrivedMs: number;
}

/** What the router made of a payload. A replay has to know what of it has counted. */
export interface PayloadArrival {
  /** The earliest and the latest timestamp that were accepted. */
  readonly earliestMs: number;
  readonly latestMs: number;
  /** The number of readings that were accepted. */
  readonly accepted: number;
  /** Identifies the readings that the adapter read, and which of them were rejected (src/adapters/digest.ts). */
  readonly digest: string;
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
  /** Only of a payload; letters of earlier versions lack it. */
  readonly arrival?: PayloadArrival;
}

export interface KeptLetter extends DeadLetter {
  readonly storedMs: number;
}

/** A kept letter without its content. */
export interface LetterSummary extends Omit<KeptLetter, 'raw'> {
  readonly bytes: number;
}

/** Selects letters; a field that is left out selects all. */
export interface LetterSelection {
  readonly reason?: RejectReason | undefined;
  /** Stored at or after `fromMs`, and before `toMs`. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** How a letter was replayed. */
export interface Replay {
  /** Added to the timestamps. */
  readonly shiftMs: number;
  /** The DPU whose readings they became; null for the one that sent them. */
  readonly dpuId: DpuId | null;
}

export interface RecordedReplay extends Replay {
  readonly atMs: number;
  /** Identifies the readings of a payload; absent for other messages. */
  readonly readAs?: string;
}

/** Identifies what a record of a replay is about: a letter, or a payload with all of its letters (index 0). */
export interface ReplayKey extends Omit<LetterKey, 'reason'> {
  readonly reason: RejectReason | 'payload';
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

export interface DeadLetters {
  /** Idempotent: a letter replaces one with the same reason, sequence and index. Resolves once all are stored. */
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** Counts items rather than letters: those in kept letters, and those in letters evicted so far. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters older than `ageMaxMs`, and the oldest ones while the store exceeds its limit in bytes. */
  evict(ageMaxMs: number): Promise<void>;
  /** The letters that are kept now, oldest first. */
  letters(selection: LetterSelection): AsyncIterable<KeptLetter>;
  /**
   * Records how a letter or a payload is replayed, unless that is already recorded. Durable, and atomic between
   * processes.
   * @returns the recorded replay
   */
  recordReplay(key: ReplayKey, replay: RecordedReplay): Promise<RecordedReplay>;
}

/** The letters as people browse them. */
export interface ListedLetters {
  /** The letters that are kept now, oldest first. */
  summaries(): AsyncIterable<LetterSummary>;
  /** The content of a letter, and how it was replayed; undefined once it is evicted. */
  content(
    letter: LetterKey,
  ): Promise<{ readonly raw: Uint8Array; readonly replay: RecordedReplay | undefined } | undefined>;
}

/** The id of a letter in the API. */
export function letterIdOf({ reason, readingsSeq, index }: ReplayKey): string {
  return `${reason}.${readingsSeq}.${index}`;
}
