// Removes readings that are old and no longer needed: routed by every router, and past what a router that
// restarts reads again to fill its memory. Neither age nor a full log loses a reading, however long the service was down.
import { allPartitions } from '../domain/partition.ts';
import { consumedThrough } from '../domain/commit.ts';
import type { LogUsage, ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';

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

/** Parts of the log's bound: it is crowded from here, eased down to there, and takes no more readings from there on. */
const [CROWDED, EASED, FULL] = [0.8, 0.6, 0.97];

/** What may go: entries before a sequence, and of those only what was stored before an instant. */
interface Unneeded {
  readonly seq: number;
  readonly beforeMs: number;
}

/** @throws what a port throws: try again later */
export async function purgeReadings(deps: ReadingsRetentionDeps): Promise<void> {
  const { seq, beforeMs } = await unneeded(deps);
  if (seq > 1 && beforeMs > 0) await deps.readings.purge(seq, Math.min(deps.now() - deps.keptMs, beforeMs));
}

/**
 * Removes readings that are not needed, whatever their age, from a log that is nearly full. Where that does not help, only
 * time goes on in it until it does.
 * @throws what a port throws
 */
export async function makeRoom(deps: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<LogUsage> {
  const { readings } = deps;
  let usage = await readings.usage();
  const { usedFraction, firstSeq, lastSeq } = usage;
  if (usedFraction >= CROWDED) {
    // The oldest, and so many as if all had one size; what is still too much goes the next time.
    const seq = firstSeq + Math.ceil(((lastSeq + 1 - firstSeq) * (usedFraction - EASED)) / usedFraction);
    const { seq: neededFromSeq, beforeMs } = await unneeded(deps);
    const beforeSeq = Math.min(seq, neededFromSeq);
    if (beforeSeq > firstSeq && beforeMs > 0) {
      await readings.purge(beforeSeq, beforeMs);
      usage = await readings.usage();
    }
  }
  const { acceptsReadings } = usage;
  if (acceptsReadings ? usage.usedFraction < FULL : usage.usedFraction >= CROWDED) return usage;
  await readings.setAcceptsReadings(!acceptsReadings);
  return { ...usage, acceptsReadings: !acceptsReadings };
}

/**
 * What stands before the first entry that a router would read (Router.restore), which is of its own partition: a router that hears
 * nothing for weeks would otherwise keep what others have sent. One that never spoke needs everything.
 *
 * Had the log gone back, what was stored since could stand before an offset, and nobody has routed it. The mark of every offset proves
 * that the log stood until then, so the latest mark bounds what may go; without a mark nothing does.
 */
async function unneeded({
  partitions,
  readings,
  events,
  storedBeforeSeq,
}: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<Unneeded> {
  // What comes from now on is after this.
  const { lastSeq } = await readings.usage();
  const storedBefore = await storedBeforeSeq();
  const needed = await Promise.all(
    allPartitions(partitions).map(async (router): Promise<Unneeded> => {
      const { seq, header } = await events.lastCommit(router);
      const unstored = await events.firstCommitFrom(router, storedBefore);
      // SPACE_EVENTS went back between the two questions.
      if (!header || (!unstored && seq >= storedBefore)) return { seq: 0, beforeMs: 0 };
      const readThrough = Math.min(consumedThrough(header), unstored?.previousReadingsSeq ?? Infinity);
      return {
        seq: (await readings.firstSeqFrom(router, readThrough + 1)) ?? Infinity,
        beforeMs: header.readingsMark ? header.readingsMark.timeMs + 1 : 0,
      };
    }),
  );
  return {
    seq: Math.min(lastSeq + 1, ...needed.map(({ seq }) => seq)),
    beforeMs: Math.max(...needed.map(({ beforeMs }) => beforeMs)),
  };
}
