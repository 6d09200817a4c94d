// A change channel within a test: messages arrive one event-loop pass later, unless `isLost` drops them.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { Failure } from '../../src/domain/failure.ts';
import type { Partition } from '../../src/domain/ids.ts';
import type { FeedAnswer, FeedBatch, FeedQuestion } from '../../src/live/feed-message.ts';
import type { ChangeChannel } from '../../src/ports/change-channel.ts';

export class MemoryChangeChannel implements ChangeChannel {
  isLost = false;
  #held: (() => void)[] | undefined;
  readonly #listeners = new Map<Partition, Set<(batch: FeedBatch) => void>>();
  readonly #owners = new Map<Partition, Set<(question: FeedQuestion) => Promise<FeedAnswer | undefined>>>();

  publish(partition: Partition, batch: FeedBatch): void {
    if (this.isLost) return;
    const copy = structuredClone(batch);
    // Only the present subscribers get it.
    const listeners = [...(this.#listeners.get(partition) ?? [])];
    queueMicrotask(() =>
      listeners
        .filter((listener) => this.#listeners.get(partition)?.has(listener))
        .forEach((listener) => listener(copy)),
    );
  }

  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void {
    return add(this.#listeners, partition, onBatch);
  }

  serve(partition: Partition, answer: (question: FeedQuestion) => Promise<FeedAnswer | undefined>): () => void {
    return add(this.#owners, partition, answer);
  }

  listeners(partition: Partition): number {
    return this.#listeners.get(partition)?.size ?? 0;
  }

  /** From now on a question waits until its function here is called, and then fails. */
  holdQuestions(): (() => void)[] {
    return (this.#held = []);
  }

  /** Questions are answered again, except for those that wait. */
  releaseQuestions(): void {
    this.#held = undefined;
  }

  async ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer> {
    if (this.#held) {
      await new Promise<void>((resolve) => this.#held?.push(resolve));
      throw new Failure('unavailable', 'nobody answers');
    }
    for (const owner of this.#owners.get(partition) ?? []) {
      const answer = await owner(question);
      if (!answer) continue;
      const copy = structuredClone(answer);
      // Changes published meanwhile overtake the answer.
      await yieldToEventLoop();
      return copy;
    }
    throw new Failure('unavailable', 'nobody owns the partition');
  }
}

function add<T>(sets: Map<Partition, Set<T>>, partition: Partition, member: T): () => void {
  const set = sets.get(partition) ?? new Set<T>();
  sets.set(partition, set.add(member));
  return () => void set.delete(member);
}
