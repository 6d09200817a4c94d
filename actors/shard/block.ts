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
