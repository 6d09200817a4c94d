// The header of a router's first commit of an epoch: where the router continues in READINGS and in the topology.
import { headerBeforeRouting, type CommitHeader } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import { markOf } from '../domain/log-mark.ts';
import type { LogBounds } from '../ports/log.ts';
import { isConsumed } from '../router/marked-logs.ts';
import type { LogDeps } from './inspect-logs.ts';
import type { ViewOfReading } from './view-of-reading.ts';

/** READINGS is routed again from this long before the first loss, because the server's clock may have been set back. */
const REROUTED_MS = 600_000;
/** How many messages that cannot be read are passed over before all of READINGS is routed again. */
const PASSED_OVER_MAX = 1_000;

export interface LostReadings {
  readonly messages: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

interface Deps extends Pick<LogDeps, 'readings' | 'topology'> {
  readonly newCommitId: () => string;
}

/** @param last the header of the router's last commit of earlier epochs; undefined if there is none, or it is lost */
export async function firstHeader(
  { readings, topology, newCommitId }: Deps,
  epoch: number,
  router: Partition,
  views: ViewOfReading,
  last: CommitHeader = headerBeforeRouting(router, epoch),
): Promise<{ header: CommitHeader; lost: LostReadings | null }> {
  const bounds = await readings.bounds();
  const isKept = await isConsumed(readings, last.readingsSeq, last.readingsMark, bounds);
  const readingsSeq = isKept ? last.readingsSeq : await offsetBefore(last, readings, bounds);
  const entry = isKept || readingsSeq === 0 ? undefined : await readings.at(readingsSeq);
  const { topologySeq, reattribution } = views.progressOf(router);
  const header: CommitHeader = {
    ...last,
    router,
    epoch,
    commitId: newCommitId(),
    previousSeq: 0,
    isMove: false,
    readingsSeq,
    readingsMark: isKept ? last.readingsMark : entry ? markOf(entry) : null,
    previousReadingsSeq: readingsSeq,
    waiting: last.waiting
      .filter(({ fromSeq }) => fromSeq <= readingsSeq)
      .map((range) => ({ ...range, toSeq: Math.min(range.toSeq, readingsSeq) })),
    topologySeq,
    topologyDigest: topology.digestAt(topologySeq) ?? null,
    reattribution,
  };
  return { header, lost: isKept ? null : await lostOf(last, readingsSeq, readings) };
}

/** The lost messages that a router had consumed. */
async function lostOf(
  { readingsMark, readingsSeq: consumedSeq }: CommitHeader,
  offset: number,
  readings: LogDeps['readings'],
): Promise<LostReadings | null> {
  const end = readingsMark ? await readings.lastSeqBefore(readingsMark.timeMs + 1) : offset;
  const keptSeq = Math.min(end, consumedSeq);
  // Only the last routed message is unreadable, or has other bytes: it was routed, and nothing is missing.
  if (keptSeq === consumedSeq) return null;
  return {
    messages: consumedSeq - keptSeq,
    fromSeq: keptSeq + 1,
    toSeq: consumedSeq,
    fromMs: (await readings.at(keptSeq))?.timeMs ?? null,
    toMs: readingsMark?.timeMs ?? null,
  };
}

/** The offset from which to route again. Later readings that are already stored are recognised as duplicates. */
async function offsetBefore(
  { readingsMark, readingsSeq }: CommitHeader,
  readings: LogDeps['readings'],
  { firstSeq }: LogBounds,
): Promise<number> {
  if (!readingsMark) return 0;
  const endSeq = Math.min(readingsSeq, await readings.lastSeqBefore(readingsMark.timeMs - REROUTED_MS));
  // At a message that cannot be read the router would find that READINGS is not the log that it has consumed.
  for (let seq = endSeq; seq > endSeq - PASSED_OVER_MAX; seq--)
    if (seq < firstSeq || (await readings.at(seq)) !== undefined) return Math.max(0, seq);
  return 0;
}

export function unionOf(a: LostReadings | null, b: LostReadings | null): LostReadings | null {
  if (!a || !b) return a ?? b;
  const [first, last] = [a.fromSeq <= b.fromSeq ? a : b, a.toSeq >= b.toSeq ? a : b];
  return {
    messages: last.toSeq - first.fromSeq + 1,
    fromSeq: first.fromSeq,
    toSeq: last.toSeq,
    fromMs: first.fromMs,
    toMs: last.toMs,
  };
}
