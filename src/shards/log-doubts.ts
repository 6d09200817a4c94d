// Whether the logs still hold what was read from them. While that is in doubt, no router and no fold starts, and no block
// is stored.
import { LogGap } from '../../actors/partition/commit-chain.ts';
import { EpochChanged } from '../domain/log-epoch.ts';
import { LogWentBack } from '../domain/log-mark.ts';

export interface LogDoubts {
  /**
   * How often the logs came into doubt. State that was read before a doubt must not be combined with state that was
   * read after it.
   */
  readonly doubts: number;
  readonly isInDoubt: boolean;
  /** Starts a check at once: the connection was lost, or an error occurred that a log that went back would explain. */
  suspect(cause?: unknown): void;
  /** Resolves when the logs are not in doubt, or the signal aborts. */
  untilSound(signal: AbortSignal): Promise<void>;
}

/** True for an error that a log that went back would explain. */
export function isOfLostLog(error: unknown): boolean {
  return error instanceof LogWentBack || error instanceof EpochChanged || error instanceof LogGap;
}
