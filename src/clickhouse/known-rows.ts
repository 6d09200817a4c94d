// Which stored rows an answer includes: those of blocks up to one and, for an answer as it was known, those that had been
// asserted or retracted at a place in the log.
import type { LogPlace } from '../domain/log-place.ts';

interface KnownRows {
  readonly block: number;
  readonly upTo?: LogPlace | undefined;
}

const KNOWN = '(epoch < {upToEpoch:UInt32} OR (epoch = {upToEpoch:UInt32} AND commit_seq <= {upToSeq:UInt64}))';

/**
 * A condition for the rows of a list over all spaces or sensors. Bind it with `blocksParams`.
 * @param blocks by partition, the last block that is included; undefined for all. Rows from before tables had the block have
 * 0, and are included in all
 */
export function rowsInBlocks(blocks: readonly number[] | undefined): string {
  return blocks ? 'block <= arrayElement({lastBlocks:Array(UInt64)}, shard + 1)' : '1';
}

export function blocksParams(blocks: readonly number[] | undefined): Record<string, readonly number[]> {
  return blocks ? { lastBlocks: blocks } : {};
}

/** A condition for rows of space_events. Bind it with `knownParams`. */
export function knownRows({ upTo }: Pick<KnownRows, 'upTo'>): string {
  return upTo ? `block <= {block:UInt64} AND ${KNOWN}` : 'block <= {block:UInt64}';
}

/** The rows that became known after `upTo`. Bind it with `knownParams`. */
export const ROWS_SINCE = `block <= {block:UInt64} AND NOT ${KNOWN}`;

export function knownParams({ block, upTo }: KnownRows): Record<string, number> {
  return upTo ? { block, upToEpoch: upTo.epoch, upToSeq: upTo.seq } : { block };
}
