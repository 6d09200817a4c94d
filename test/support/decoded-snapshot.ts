import type { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { decodeSnapshot } from '../../actors/partition/snapshot.ts';
import type { Partition } from '../../src/domain/ids.ts';

/** Decodes all lines at once. @throws CheckpointRefused */
export function decodedSnapshot(partition: Partition, partitions: number, lines: Iterable<string>): PartitionFold {
  const reading = decodeSnapshot(partition, partitions, lines);
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
  }
}
