// Removes readings that are old and no longer needed: routed by every router, and past what a router that
// restarts reads again to fill its memory. Neither age nor a full log loses a reading, however long the service was down.
import { allPartitions } from '../domain/partition.ts';
import { consumedThrough } from '../domain/commit.ts';
import { END_MS } from '../domain/instant.ts';
import type { Occupied, ReadingsLog, SpaceEventsLog } from '../ports.ts';

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

/** @throws what a port throws: try again later */
export async function purgeReadings(deps: ReadingsRetentionDeps): Promise<void> {
  const neededFromSeq = await firstNeeded(deps);
  if (neededFromSeq > 1) await deps.readings.purge(neededFromSeq, deps.now() - deps.keptMs);
}

/**
 * Removes readings that are not needed, whatever their age, from a log that is nearly full. Where that does not help, only
 * time goes on in it until it does.
 * @throws what a port throws
 */
export async function makeRoom(deps: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<Occupied> {
  const { readings } = deps;
  let occupied = await readings.occupied();
  const { part, firstSeq, lastSeq } = occupied;
  if (part >= CROWDED) {
    // The oldest, and so many as if all had one size; what is still too much goes the next time.
    const seq = firstSeq + Math.ceil((lastSeq + 1 - firstSeq) * (part - EASED) / part);
    const beforeSeq = Math.min(seq, await firstNeeded(deps));
    if (beforeSeq > firstSeq) {
      await readings.purge(beforeSeq, END_MS);
      occupied = await readings.occupied();
    }
  }
  const { takesReadings } = occupied;
  if (takesReadings ? occupied.part < FULL : occupied.part >= CROWDED) return occupied;
  await readings.admit(!takesReadings);
  return { ...occupied, takesReadings: !takesReadings };
}

/**
 * The first entry that a router would read (Router.restore); one that never spoke needs everything. Of its own partition:
 * a router that hears nothing for weeks would otherwise keep what others have sent.
 */
async function firstNeeded({ partitions, readings, events, storedBeforeSeq }: Omit<ReadingsRetentionDeps, 'keptMs' | 'now'>): Promise<number> {
  // What comes from now on is after this.
  const { lastSeq } = await readings.occupied();
  const storedBefore = await storedBeforeSeq();
  const needed = await Promise.all(allPartitions(partitions).map(async (router) => {
    const { header } = await events.lastCommit(router);
    const unstored = await events.firstCommitFrom(router, storedBefore);
    const readThrough = Math.min(header ? consumedThrough(header) : 0, unstored?.previousReadingsSeq ?? Infinity);
    return await readings.firstFrom(router, readThrough + 1) ?? Infinity;
  }));
  return Math.min(lastSeq + 1, ...needed);
}
