// Removes readings that are old and no longer needed: routed by every router, and past what a router that
// restarts reads again to fill its memory. Age alone never loses a reading, however long the service was down.
import { allPartitions } from '../domain/partition.ts';
import { consumedThrough } from '../domain/commit.ts';
import type { ReadingsLog, SpaceEventsLog } from '../ports.ts';

export interface ReadingsRetentionDeps {
  readonly partitions: number;
  readonly readings: ReadingsLog;
  readonly events: SpaceEventsLog;
  /** Everything in SPACE_EVENTS before this is in ClickHouse, and every checkpoint knows. */
  readonly storedBeforeSeq: () => Promise<number>;
  /** How long readings are kept at least. */
  readonly keptMs: number;
  readonly now: () => number;
}

/** @throws what a port throws: try again later */
export async function purgeReadings({ partitions, readings, events, storedBeforeSeq, keptMs, now }: ReadingsRetentionDeps): Promise<void> {
  const storedBefore = await storedBeforeSeq();
  // Where each router would begin to read (Router.restore); one that never spoke needs everything.
  const needed = await Promise.all(allPartitions(partitions).map(async (router) => {
    const { seq, header } = await events.lastCommit(router);
    const unstored = await events.firstCommitFrom(router, storedBefore);
    // The log went back between the two questions.
    if (!header || (!unstored && seq >= storedBefore)) return { afterSeq: 0, beforeMs: 0 };
    return {
      afterSeq: Math.min(consumedThrough(header), unstored?.previousReadingsSeq ?? Infinity),
      // Had the log gone back, what was stored later could stand before the offset, and nobody has routed it.
      beforeMs: header.readingsMark ? header.readingsMark.timeMs + 1 : 0,
    };
  }));
  const neededFromSeq = Math.min(...needed.map(({ afterSeq }) => afterSeq)) + 1;
  const beforeMs = Math.min(now() - keptMs, ...needed.map((router) => router.beforeMs));
  if (neededFromSeq > 1 && beforeMs > 0) await readings.purge(neededFromSeq, beforeMs);
}
