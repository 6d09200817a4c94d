// Places in SPACE_EVENTS that are recorded with the stored blocks, so that a time can be turned into a place. All methods
// throw Failure unavailable if ClickHouse does not answer.
import type { Partition } from '../domain/ids.ts';
import type { LogPlace } from '../domain/log-place.ts';

export interface RecordedPlace extends LogPlace {
  /** The last block that the partition had cut there; 0 if none is recorded. */
  readonly block: number;
}

/** From when on answers can be given again. */
export interface KnownFrom {
  /** When the first place was recorded; undefined if none is. */
  readonly firstMs: number | undefined;
  /** The last place at which rows of the partition were stored without their commit; undefined if all rows have it. */
  readonly floor: LogPlace | undefined;
}

export interface LogPlaces {
  /** The newest place that any partition recorded at or before an instant, by the log's clock; undefined if none did. */
  placeAt(partition: Partition, atMs: number): Promise<RecordedPlace | undefined>;
  /**
   * By partition, the last block that it had cut at an instant, by the log's clock; 0 if none is recorded.
   * @param stored by partition, the last block that has rows; 0 if there is none
   */
  blocksCutBy(stored: readonly number[], atMs: number): Promise<readonly number[]>;
  /** From when on all stored rows have their block; undefined if that is not recorded. */
  blocksFromMs(): Promise<number | undefined>;
  knownFrom(partition: Partition): Promise<KnownFrom>;
  /** Up to which sequence of an epoch all events of a partition are known to be stored in blocks of that epoch. */
  completeSeq(partition: Partition, epoch: number): Promise<number>;
}
