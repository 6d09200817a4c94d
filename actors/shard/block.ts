import type { Partition } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../space/logged-event.ts';

/**
 * A run of final events of one partition, stored by one insert. Folding the same log cuts the same
 * blocks, so (partition, number) identifies the rows, and serves as their deduplication token.
 */
export interface Block {
  readonly partition: Partition;
  readonly number: number;
  readonly rows: readonly LoggedEvent[];
}

/** What a block is stored under, so that storing it again changes nothing. `logId` sets the blocks of one log apart from another's. */
export function blockToken(logId: string, { partition, number }: Block): string {
  return `${logId}/${partition}/${number}`;
}
