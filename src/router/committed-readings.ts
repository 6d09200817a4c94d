// The readings that a router has accepted, as its commits in SPACE_EVENTS say. A router that starts remembers these. It
// does not read them again from READINGS, which may say something else by now: bits of a message may have been flipped,
// and another version of the service may read a payload differently.
import { assertChained } from '../../actors/partition/commit-chain.ts';
import { commitOf } from '../domain/commit-codec.ts';
import type { CommitHeader, LoggedCommit } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import type { Reading } from '../domain/reading.ts';
import { readingOf } from '../domain/space-event.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { orAborted } from '../runtime/or-aborted.ts';

const ENTRIES_PER_READ_MAX = 1_000;

export interface CommittedReadings {
  /** Sequence of the commit in SPACE_EVENTS. */
  readonly seq: number;
  readonly header: CommitHeader;
  /** May include some that were accepted earlier. */
  readonly readings: readonly Reading[];
}

/**
 * Reads a router's commits from a sequence up to another one, which has to exist or to have been truncated. Those that
 * were truncated are left out. Ends early when the signal aborts.
 * @throws LogGap if a commit in between is missing
 */
export async function* committedReadings(
  events: Pick<SpaceEventsLog, 'openRouter'>,
  router: Partition,
  { fromSeq, toSeq }: { readonly fromSeq: number; readonly toSeq: number },
  signal: AbortSignal,
): AsyncGenerator<CommittedReadings> {
  if (toSeq < fromSeq) return;
  const cursor = await events.openRouter(router, Math.max(0, fromSeq - 1));
  try {
    let lastSeq: number | undefined;
    while ((lastSeq ?? 0) < toSeq) {
      const reading = cursor.next(ENTRIES_PER_READ_MAX);
      await orAborted(reading, signal);
      if (signal.aborted) return;
      for (const entry of await reading) {
        const commit = commitOf(entry);
        if (lastSeq !== undefined) assertChained(router, lastSeq, commit.header);
        lastSeq = entry.seq;
        yield { seq: entry.seq, header: commit.header, readings: readingsIn(commit) };
      }
    }
  } finally {
    await cursor.close();
  }
}

/** A move asserts readings again that were accepted before it. */
function readingsIn(commit: LoggedCommit): Reading[] {
  if (commit.header.isMove) return [];
  const events = [...commit.partitions].flatMap((partition) => commit.section(partition)?.events ?? []);
  return events.filter(({ primary, sign }) => primary && sign > 0).map(readingOf);
}
