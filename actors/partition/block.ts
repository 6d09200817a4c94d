import { causeOf, REPAIRED, UNKNOWN_CAUSES, type CommitCauses } from '../../src/domain/commit-causes.ts';
import type { Partition } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';

/** The last commit that was folded when a block was cut, and where the log and the partition stood then. */
export interface BlockMark extends CommitMark {
  /** By the log's clock. Absent if the block does not come from a log, or was cut by an earlier version. */
  readonly cutMs?: number;
  /** Events of the partition up to this sequence are in blocks up to this one; later ones may still be in buffers. */
  readonly completeSeq?: number;
  /** Of the commits of its rows. Absent as `cutMs` is. */
  readonly causes?: CommitCauses;
}

/**
 * Final events of one partition that are stored by one insert. Folding the same log cuts the same blocks, so
 * (partition, number) identifies the rows and is their deduplication token.
 */
export interface Block {
  /** The epoch of the logs from which it was cut. */
  readonly epoch: number;
  readonly partition: Partition;
  readonly number: number;
  readonly rows: readonly LoggedEvent[];
  /** Readings asserted by its rows minus readings retracted by them. */
  readonly readings: number;
  /** The lowest sequence of its rows in SPACE_EVENTS; Infinity if it has no rows. */
  readonly leastSeq: number;
  /** Its sequence is 0 if the block does not come from a log. */
  readonly mark: BlockMark;
}

export const NO_MARK: CommitMark = { seq: 0, commitId: '' };

export function blockOf(
  epoch: number,
  partition: Partition,
  number: number,
  rows: readonly LoggedEvent[],
  mark: BlockMark = NO_MARK,
): Block {
  return { epoch, partition, number, rows, readings: readingsIn(rows), leastSeq: leastSeq(rows), mark };
}

/** Each reading has one primary event, so this is the number of readings asserted minus those retracted. */
export function readingsIn(events: Iterable<Pick<LoggedEvent, 'primary' | 'sign'>>): number {
  let readings = 0;
  for (const { primary, sign } of events) if (primary) readings += sign;
  return readings;
}

/** The sequence of the commit that a row came with; 0 if its block does not come from a log: known since the epoch began. */
export function commitSeqOf({ mark }: Pick<Block, 'mark'>, row: Pick<LoggedEvent, 'seq'>): number {
  return mark.seq === 0 ? 0 : row.seq;
}

/** Why a row was asserted or retracted. */
export function causeOfRow({ mark }: Pick<Block, 'mark'>, row: Pick<LoggedEvent, 'seq'>): string {
  return mark.seq === 0 ? REPAIRED : causeOf(mark.causes ?? UNKNOWN_CAUSES, row.seq);
}

export function leastSeq(events: Iterable<LoggedEvent>): number {
  let least = Infinity;
  for (const { seq } of events) if (seq < least) least = seq;
  return least;
}

/** The token under which a block is stored, so that storing it again changes nothing. `logId` distinguishes the blocks of different logs. */
export function blockToken(
  logId: string,
  { epoch, partition, number }: Pick<Block, 'epoch' | 'partition' | 'number'>,
): string {
  // The first epoch has the same tokens as versions without epochs.
  return epoch === 0 ? `${logId}/${partition}/${number}` : `${logId}/${epoch}/${partition}/${number}`;
}
