/** One consumer of the whole stream for all partitions, or a filtered one for each. */
export type ReadMode = 'shared' | 'filtered';

/**
 * How a process reads its part of READINGS with the least CPU, its own and the server's (`npm run bench:readers`, 16 partitions). A
 * consumer of everything costs a process about the same whatever it owns, filtered ones cost what they deliver and half as much again:
 * of what is stored the two are equal where a process owns two thirds, of what is being published where it owns half. Once shared it
 * stays so for a while, as a partition that is closed and opened again must not have all the others change their consumers.
 */
export function readingsMode(openPartitions: number, partitions: number, now: ReadMode): ReadMode {
  const isShared = now === 'shared' ? openPartitions * 2 >= partitions : openPartitions * 8 >= partitions * 5;
  return isShared ? 'shared' : 'filtered';
}
