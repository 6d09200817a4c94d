// Removes readings that are no longer needed: those that every router has routed, and that no router reads again
// after a restart to fill its memory. A reading that is needed is never removed because of its age or a full log,
// however long the service was down.
import { allPartitions } from '../domain/partition.ts';
import { consumedThrough } from '../domain/commit.ts';
import type { LogUsage, ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { isConsumed } from '../router/marked-logs.ts';

export interface ReadingsRetentionDeps {
  readonly partitions: number;
  readonly readings: ReadingsLog;
  readonly events: SpaceEventsLog;
  /** Everything in SPACE_EVENTS before this sequence is in ClickHouse, according to every checkpoint. */
  readonly storedBeforeSeq: () => Promise<number>;
  /** True while the logs have to be inspected: messages that cannot be read may not have been reported yet. */
  readonly isInDoubt: () => boolean;
  /** Minimum time that readings are kept. */
  readonly keptMs: number;
  readonly now: () => number;
}

/** Fill levels of the log: above HIGH_WATER it is purged down to LOW_WATER, and at FULL it refuses readings. */
const [HIGH_WATER, LOW_WATER, FULL] = [0.8, 0.6, 0.97];

/** Entries before a sequence may be removed if they were also stored before an instant. */
interface Unneeded {
  readonly seq: number;
  readonly beforeMs: number;
}

const NOTHING: Unneeded = { seq: 0, beforeMs: 0 };

/** Removes readings that are older than `keptMs` and not needed. @throws the error of a port; try again later */
export async function purgeReadings(deps: ReadingsRetentionDeps): Promise<void> {
  const { seq, beforeMs } = await unneeded(deps);
  if (seq > 1 && beforeMs > 0) await deps.readings.purge(seq, Math.min(deps.now() - deps.keptMs, beforeMs));
}

/**
 * Removes readings that are not needed, whatever their age, from a log that is nearly full. If that is not enough,
 * the log accepts only ticks until it is.
 * @throws the error of a port
 */
export async function makeRoom(deps: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<LogUsage> {
  const { readings } = deps;
  let usage = await readings.usage();
  const { usedFraction, firstSeq, lastSeq } = usage;
  if (usedFraction >= HIGH_WATER) {
    // Purges the oldest, assuming that all have the same size; any remaining excess is purged the next time.
    const seq = firstSeq + Math.ceil(((lastSeq + 1 - firstSeq) * (usedFraction - LOW_WATER)) / usedFraction);
    const { seq: neededFromSeq, beforeMs } = await unneeded(deps);
    const beforeSeq = Math.min(seq, neededFromSeq);
    if (beforeSeq > firstSeq && beforeMs > 0) {
      await readings.purge(beforeSeq, beforeMs);
      usage = await readings.usage();
    }
  }
  const { acceptsReadings } = usage;
  if (acceptsReadings ? usage.usedFraction < FULL : usage.usedFraction >= HIGH_WATER) return usage;
  await readings.setAcceptsReadings(!acceptsReadings);
  return { ...usage, acceptsReadings: !acceptsReadings };
}

/**
 * The entries before the first one that any router would read after a restart (Router.restore). Only entries of a
 * router's own partition count, because otherwise a router that receives nothing for weeks would keep the readings of
 * all others. A router that has never committed needs everything.
 *
 * If the log has gone back, entries stored since then may have sequences below a committed offset although no router
 * has routed them. So nothing may be removed unless every router's mark is at its offset. Because the log may go back
 * after that check, only entries older than the latest mark may be removed.
 */
async function unneeded({
  partitions,
  readings,
  events,
  storedBeforeSeq,
  isInDoubt,
}: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<Unneeded> {
  if (isInDoubt()) return NOTHING;
  // Entries stored from now on have higher sequences.
  const { lastSeq } = await readings.usage();
  const storedBefore = await storedBeforeSeq();
  const needed = await Promise.all(
    allPartitions(partitions).map(async (router): Promise<Unneeded> => {
      const { seq, header } = await events.lastCommit(router);
      const unstored = await events.firstCommitFrom(router, storedBefore);
      // SPACE_EVENTS has gone back between the two reads.
      if (!header || (!unstored && seq >= storedBefore)) return NOTHING;
      if (!(await isConsumed(readings, header.readingsSeq, header.readingsMark, await readings.bounds())))
        return NOTHING;
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
