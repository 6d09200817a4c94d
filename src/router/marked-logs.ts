// Checks whether a log still has the entry that a mark describes.
import type { CommitHeader } from '../domain/commit.ts';
import { isUnreadable, UNREADABLE } from '../domain/commit-codec.ts';
import { isMarked, LogWentBack, type CommitMark } from '../domain/log-mark.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { LogBounds } from '../ports/log.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';

/** Runs a comparison of commits; undefined if one of them was written by another version of the service. */
export async function readable<T>(ask: () => Promise<T>): Promise<T | undefined> {
  return ask().catch((error: unknown) => {
    if (isUnreadable(error)) return undefined;
    throw error;
  });
}

/** True if the topology equals the one that a router followed, up to the sequence that it had reached. */
export function isFollowed(
  topology: TopologyHistory,
  {
    topologySeq,
    topologyDigest,
    reattribution,
  }: Pick<CommitHeader, 'topologySeq' | 'topologyDigest' | 'reattribution'>,
): boolean {
  if (Math.max(topologySeq, reattribution?.toSeq ?? 0) > topology.seq) return false;
  return topologyDigest === null || topology.digestAt(topologySeq) === topologyDigest;
}

/** True if READINGS holds the entries that a router consumed, or held them before they were purged. */
export async function isConsumed(
  readings: Pick<ReadingsLog, 'at' | 'bounds'>,
  seq: number,
  mark: CommitHeader['readingsMark'],
  { firstSeq, lastSeq }: LogBounds,
): Promise<boolean> {
  if (seq === 0) return true;
  if (seq > lastSeq) return false;
  const entry = await readings.at(seq);
  // A purge removes only the beginning of a log.
  if (!entry) return seq < firstSeq || (await readings.bounds()).firstSeq > seq;
  return mark === null || isMarked(entry, mark);
}

/** True if a commit is in the log, or was truncated from it. */
export async function isThere(
  events: Pick<SpaceEventsLog, 'commitIdAt'>,
  { seq, commitId }: CommitMark,
  { lastSeq }: LogBounds,
): Promise<boolean> {
  if (seq === 0) return true;
  if (seq > lastSeq) return false;
  const there = commitId === '' ? undefined : await events.commitIdAt(seq);
  return there === undefined || there === UNREADABLE || there === commitId;
}

/** @throws LogWentBack if a folded commit is not in the log */
export async function assertThere(
  events: Pick<SpaceEventsLog, 'commitIdAt' | 'bounds'>,
  mark: CommitMark,
  whose: string,
): Promise<void> {
  if (mark.seq === 0 || (await isThere(events, mark, await events.bounds()))) return;
  throw new LogWentBack(`SPACE_EVENTS does not hold commit ${mark.seq}, which ${whose} has folded`);
}
