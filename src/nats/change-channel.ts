// The change channel on core NATS: no stream, no storage. Changes go to `density.changes.<k>`;
// questions to `density.feed.<k>`, answered by the partition's owner in chunks that fit a message, with
// an empty message at the end.
import type { Msg, NatsConnection } from 'nats';
import { Failure } from '../domain/failure.ts';
import type { Partition } from '../domain/ids.ts';
import type { FeedAnswer, FeedBatch, FeedQuestion } from '../../actors/shard/feed-message.ts';
import type { ChangeChannel } from '../ports.ts';

const CHUNK_BYTES = 256 * 1024;
const ANSWER_WITHIN_MS = 2_000;
const NOTHING = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const changesSubject = (partition: Partition): string => `density.changes.${partition}`;
export const feedSubject = (partition: Partition): string => `density.feed.${partition}`;

export class NatsChangeChannel implements ChangeChannel {
  readonly #nc: NatsConnection;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  publish(partition: Partition, batch: FeedBatch): void {
    if (!this.#nc.isClosed()) this.#nc.publish(changesSubject(partition), JSON.stringify(batch));
  }

  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void {
    const subscription = this.#nc.subscribe(changesSubject(partition), {
      callback: (error, message) => {
        if (!error) onBatch(message.json<FeedBatch>());
      },
    });
    return () => subscription.unsubscribe();
  }

  serve(partition: Partition, answer: (question: FeedQuestion) => FeedAnswer | undefined): () => void {
    const subscription = this.#nc.subscribe(feedSubject(partition), {
      queue: 'owner',
      callback: (error, message) => {
        const found = error ? undefined : answer(message.json<FeedQuestion>());
        if (found) respond(message, encoder.encode(JSON.stringify(found)));
      },
    });
    return () => subscription.unsubscribe();
  }

  async ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer> {
    try {
      const chunks: Uint8Array[] = [];
      const replies = await this.#nc.requestMany(feedSubject(partition), JSON.stringify(question), { strategy: 'sentinel', maxWait: ANSWER_WITHIN_MS });
      for await (const { data } of replies) {
        if (data.length === 0) return JSON.parse(decoder.decode(Buffer.concat(chunks))) as FeedAnswer;
        chunks.push(data);
      }
    } catch (error) {
      throw new Failure('unavailable', 'the live counts of some spaces are not to be had now', { cause: error, retryAfterSeconds: 1 });
    }
    throw new Failure('unavailable', 'the live counts of some spaces are being restored', { retryAfterSeconds: 1 });
  }
}

function respond(message: Msg, answer: Uint8Array): void {
  for (let at = 0; at < answer.length; at += CHUNK_BYTES) message.respond(answer.subarray(at, at + CHUNK_BYTES));
  message.respond(NOTHING);
}
