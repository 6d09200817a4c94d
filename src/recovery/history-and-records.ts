import type { History, PartitionRecords } from '../ports.ts';
import type { RepairDeps } from './repair-logs.ts';

/** What a repair asks of history and of the partitions' records, as one. */
export function historyAndRecords(history: Pick<History, 'storeBlock' | 'lastBlock' | 'readingsUpTo' | 'occupancySegments'>, records: PartitionRecords): RepairDeps['history'] {
  return {
    storeBlock: (block) => history.storeBlock(block),
    lastBlock: (partition) => history.lastBlock(partition),
    readingsUpTo: (partition, block) => history.readingsUpTo(partition, block),
    occupancySegments: (partition, requests) => history.occupancySegments(partition, requests),
    completeBlock: (partition, number) => records.completeBlock(partition, number),
    newest: (partition) => records.newest(partition),
    claims: (partition, places) => records.claims(partition, places),
  };
}
