// Whether the logs still hold what was read from them. While that is in doubt, no router and no fold starts.
import { LogGap } from '../../actors/partition/commit-chain.ts';
import { EpochChanged } from '../domain/log-epoch.ts';
import { LogWentBack } from '../domain/log-mark.ts';

export interface LogDoubts {
  /** How often the logs have come into doubt. State read before a doubt must not be combined with state read after it. */
  readonly doubts: number;
  /** The connection was lost, or something failed that a lost end of a log explains: check at once. */
  suspect(cause?: unknown): void;
  /** Resolves when the logs are not in doubt, or the signal aborts. */
  untilSound(signal: AbortSignal): Promise<void>;
}

/** True for a failure that a lost end of a log explains. */
export function isOfLostLog(error: unknown): boolean {
  return error instanceof LogWentBack || error instanceof EpochChanged || error instanceof LogGap;
}
