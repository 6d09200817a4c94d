// Asking whoever owns a space.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';

/** The owner of a shard, or one that keeps a copy of it. */
export type Respondent = 'owner' | 'standby';

/** @returns undefined to stay silent */
export type ReportAnswer = (spaceId: SpaceId, atMs: number) => Promise<KnownReport | undefined>;

/** Questions about spaces, from any process to the one that can answer. */
export interface ReportRequests {
  ask(
    shard: Partition,
    respondent: Respondent,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'>;
  /** Answers questions about a shard. @returns how to end that */
  answer(shard: Partition, respondent: Respondent, answer: ReportAnswer): () => void;
}

/** Whoever owns a space's partition, in whichever process. */
export interface SpaceReports {
  /** True while the log cannot be reached: nobody can know more than what is known here. */
  readonly isCutOff: boolean;
  /**
   * @param allowsStale what was last known here is better than nothing
   * @throws Failure unavailable while nobody can say
   */
  report(spaceId: SpaceId, atMs: number, allowsStale?: boolean): Promise<KnownReport>;
}
