// How live changes reach other processes.
import type { Partition } from '../domain/ids.ts';
import type { FeedAnswer, FeedBatch, FeedQuestion } from '../live/feed-message.ts';

/**
 * Carries what changes in a partition from its owner to processes with subscribers. Nothing is kept,
 * and anything may be lost: the numbers in the messages show it.
 */
export interface ChangeChannel {
  publish(partition: Partition, batch: FeedBatch): void;
  /** @returns what ends it */
  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void;
  /** Answers questions; `answer` gives undefined where somebody else may. @returns what ends it */
  serve(partition: Partition, answer: (question: FeedQuestion) => FeedAnswer | undefined): () => void;
  /** @throws Failure unavailable when nobody answers in time */
  ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer>;
}
