// The report of a space from a fold of this process: as the owner of its shard, from a copy, or the last known one.
import { reportSpace, type KnownReport, type SpaceReport } from '../../actors/partition/space-report.ts';
import type { SpaceId } from '../domain/ids.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import type { Timing } from '../runtime/timing.ts';
import type { Freshness } from './freshness.ts';
import type { Shard } from './shard.ts';
import type { Ticks } from './ticks.ts';

const COPY_POLL_MS = 5;
/** How long a question waits for a copy to catch up. */
const COPY_CATCH_UP_MAX_MS = 1_500;

export interface LocalReportsDeps {
  readonly events: Pick<SpaceEventsLog, 'end'>;
  readonly ticks: Pick<Ticks, 'advance'>;
  readonly freshness: Pick<Freshness, 'isFresh'>;
  readonly timing: Pick<Timing, 'now' | 'pause'>;
}

export class LocalReports {
  readonly #deps: LocalReportsDeps;

  constructor(deps: LocalReportsDeps) {
    this.#deps = deps;
  }

  /** Undefined if this process is not the owner. */
  async byOwner(
    shard: Pick<Shard, 'isOwner' | 'fold'>,
    spaceId: SpaceId,
    atMs: number,
  ): Promise<KnownReport | undefined> {
    const { fold } = shard;
    if (!shard.isOwner || !fold) return undefined;
    const isStale = !(await this.#deps.freshness.isFresh(fold, spaceId));
    await this.#deps.ticks.advance(fold, spaceId, atMs);
    // The shard may have been lost during the wait.
    if (!shard.isOwner || shard.fold !== fold) return undefined;
    return { ...reportSpace(fold, spaceId, atMs), isStale };
  }

  /**
   * From a copy that has applied everything that is in the log now; undefined if there is no copy, or if it is far
   * behind.
   */
  async byCopy(shard: Pick<Shard, 'fold'>, spaceId: SpaceId, atMs: number): Promise<KnownReport | undefined> {
    const { events, freshness, timing } = this.#deps;
    const { fold } = shard;
    if (!fold) return undefined;
    const isStale = !(await freshness.isFresh(fold, spaceId));
    const timeout = AbortSignal.timeout(COPY_CATCH_UP_MAX_MS);
    const end = await events.end();
    while (fold.seq < end && shard.fold === fold && !timeout.aborted) await timing.pause(COPY_POLL_MS, timeout);
    return fold.seq >= end ? { ...reportSpace(fold, spaceId, atMs), isStale } : undefined;
  }

  /** From the last known state in this process, however old. */
  lastKnown({ lastFold }: Pick<Shard, 'lastFold'>, spaceId: SpaceId, atMs: number): SpaceReport | undefined {
    return lastFold && reportSpace(lastFold, spaceId, atMs);
  }
}
