// What was answered during a run, to be compared with the end.
import type { CountAnswer } from '../../src/counts/count-at.ts';
import type { PassageInterval } from '../../src/counts/passages.ts';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { PassageSource } from '../../src/ports/history.ts';

export interface Testimony<Answer = CountAnswer> {
  readonly spaceId: SpaceId;
  /** Events after this instant do not concern the answer. */
  readonly atMs: number;
  readonly foldSeq: number;
  readonly answer: Answer;
  /** The resets with which it was computed. */
  readonly schedule: string;
  /** How often the state had been rebuilt before. */
  readonly life: number;
}

export interface PassageTestimony {
  readonly source: PassageSource;
  readonly interval: PassageInterval;
  readonly seq: number;
}
