// Questions about the state of a space, from any process to one that can answer: the owner of the space's shard, or a
// process with a standby copy of it.
import type { KnownReport } from '../../actors/partition/space-report.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';

export type Respondent = 'owner' | 'standby';

/** @returns undefined to send no reply, because another process may be the owner by now */
export type ReportAnswer = (spaceId: SpaceId, atMs: number) => Promise<KnownReport | undefined>;

/** The transport for these questions between processes. */
export interface ReportRequests {
  /**
   * Asks for the state of a space at an instant.
   * @returns 'nobody', at once, if no process answers for the shard; 'silence' if none has replied within `timeoutMs`
   */
  ask(
    shard: Partition,
    respondent: Respondent,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'>;
  /** Answers questions about a shard. @returns a function that stops answering */
  answer(shard: Partition, respondent: Respondent, answer: ReportAnswer): () => void;
}

/** The state of any space, whichever process owns it. */
export interface SpaceReports {
  /** True while this process cannot reach the logs, so that it can answer only from memory. */
  readonly isCutOff: boolean;
  /**
   * The state of a space at an instant.
   * @param allowsStale accept an earlier answer kept by this process if no process can answer now
   * @throws Failure unavailable while no process can answer
   */
  report(spaceId: SpaceId, atMs: number, allowsStale?: boolean): Promise<KnownReport>;
}
