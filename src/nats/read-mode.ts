// Decides whether a process reads its partitions of a stream with one consumer or with several.

/** One consumer of the whole stream for all partitions, or a filtered one per partition. */
export type ReadMode = 'shared' | 'filtered';

/**
 * The mode with the lowest CPU cost in the process and the server together (measured by `npm run bench:readers` with
 * 16 partitions). The cost of a shared consumer hardly depends on the number of partitions that the process owns;
 * filtered consumers cost half as much again per delivered entry. The two break even when a process owns two thirds
 * of the partitions while catching up, or half of them while following. The thresholds differ by mode, so that
 * closing and reopening one partition does not make all others change their consumers.
 */
export function readingsMode(openPartitions: number, partitions: number, now: ReadMode): ReadMode {
  const isShared = now === 'shared' ? openPartitions * 2 >= partitions : openPartitions * 8 >= partitions * 5;
  return isShared ? 'shared' : 'filtered';
}
