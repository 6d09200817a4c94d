// Carries live changes of a partition from the process that owns it to processes with subscribers. Messages are not
// stored and may be lost. Items are numbered without gaps, so a receiver detects a loss and asks the owner for the
// current state.
import type { Partition } from '../domain/ids.ts';
import type { FeedAnswer, FeedBatch, FeedQuestion } from '../live/feed-message.ts';

export interface ChangeChannel {
  /** Sends a batch to all subscribers, in this process and others. Never throws, and does not wait for delivery. */
  publish(partition: Partition, batch: FeedBatch): void;
  /** Calls `onBatch` with each batch, in the order it was published. @returns a function that ends the subscription */
  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void;
  /**
   * Answers questions about a partition. If `answer` returns undefined, no reply is sent, because another process may
   * be the owner by now.
   * @returns a function that stops answering
   */
  serve(partition: Partition, answer: (question: FeedQuestion) => Promise<FeedAnswer | undefined>): () => void;
  /** Asks the owner of a partition. @throws Failure unavailable if no process answers in time */
  ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer>;
}
