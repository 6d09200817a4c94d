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

/**
 * A condition for rows of space_events. Bind it with `knownParams`.
 * @param upToBlock the condition on blocks, if it is another one
 */
export function knownRows({ upTo }: Pick<KnownRows, 'upTo'>, upToBlock = 'block <= {block:UInt64}'): string {
  return upTo ? `${upToBlock} AND ${KNOWN}` : upToBlock;
}

/** The rows that became known after `upTo`. Bind it with `knownParams`. */
export const ROWS_SINCE = `block <= {block:UInt64} AND NOT ${KNOWN}`;

export function knownParams({ block, upTo }: KnownRows): Record<string, number> {
  return { block, ...upToParams(upTo) };
}

/** For a condition that has another one on blocks. */
export function upToParams(upTo: LogPlace | undefined): Record<string, number> {
  return upTo ? { upToEpoch: upTo.epoch, upToSeq: upTo.seq } : {};
}
