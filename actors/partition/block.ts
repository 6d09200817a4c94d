import type { Partition } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';

/**
 * A run of final events of one partition, stored by one insert. Folding the same log cuts the same
 * blocks, so (partition, number) identifies the rows, and serves as their deduplication token.
 */
export interface Block {
  /** Of the logs it was cut from. */
  readonly epoch: number;
  readonly partition: Partition;
  readonly number: number;
  readonly rows: readonly LoggedEvent[];
  /** Readings that its rows assert, less those they retract. */
  readonly readings: number;
  /** Of its rows, where the first of them stands in SPACE_EVENTS; Infinity when it has none. */
  readonly leastSeq: number;
  /** The last commit that was folded when it was cut; a sequence of 0 where it comes from no log. */
  readonly mark: CommitMark;
}

export const NO_MARK: CommitMark = { seq: 0, commitId: '' };

export function blockOf(
  epoch: number,
  partition: Partition,
  number: number,
  rows: readonly LoggedEvent[],
  mark = NO_MARK,
): Block {
  return { epoch, partition, number, rows, readings: readingsIn(rows), leastSeq: leastSeq(rows), mark };
}

/** Each reading has one primary event: readings asserted, less those retracted. */
export function readingsIn(events: Iterable<Pick<LoggedEvent, 'primary' | 'sign'>>): number {
  let readings = 0;
  for (const { primary, sign } of events) if (primary) readings += sign;
  return readings;
}

export function leastSeq(events: Iterable<LoggedEvent>): number {
  let least = Infinity;
  for (const { seq } of events) if (seq < least) least = seq;
  return least;
}

/** What a block is stored under, so that storing it again changes nothing. `logId` sets the blocks of one log apart from another's. */
export function blockToken(
  logId: string,
  { epoch, partition, number }: Pick<Block, 'epoch' | 'partition' | 'number'>,
): string {
  // As before there were epochs, in the first.
  return epoch === 0 ? `${logId}/${partition}/${number}` : `${logId}/${epoch}/${partition}/${number}`;
}
