// The change channel on core NATS: no stream, no storage. Changes go to `density.changes.<k>.<process>`, while another
// process has asked for them within the time that interest lasts; subscribers in the same process have them directly.
// Questions go to `density.feed.<k>`, answered by the partition's owner in chunks that fit a message, with
// an empty message at the end.
import { type Msg, type NatsConnection, nuid } from 'nats';
import { Failure } from '../domain/failure.ts';
import type { Partition } from '../domain/ids.ts';
import { INTEREST_MS, type FeedAnswer, type FeedBatch, type FeedQuestion } from '../live/feed-message.ts';
import type { ChangeChannel } from '../ports/change-channel.ts';

const CHUNK_BYTES = 256 * 1024;
const ANSWER_WITHIN_MS = 2_000;
const NOTHING = new Uint8Array();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const changesSubject = (partition: Partition, process: string): string => `density.changes.${partition}.${process}`;
const feedSubject = (partition: Partition): string => `density.feed.${partition}`;

interface WireQuestion extends FeedQuestion {
  /** The process that asks. */
  readonly from: string;
}

export class NatsChangeChannel implements ChangeChannel {
  readonly #nc: NatsConnection;
  /** Of this process. */
  readonly #id = nuid.next();
  readonly #here = new Map<Partition, Set<(batch: FeedBatch) => void>>();
  /** By partition: until when another process listens. */
  readonly #elsewhereUntil = new Map<Partition, number>();

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  publish(partition: Partition, batch: FeedBatch): void {
    for (const onBatch of [...(this.#here.get(partition) ?? [])]) onBatch(batch);
    // That a feed has begun is for everyone: who followed another owner has to ask this one.
    const isForOthers =
      batch.items.length === 0 || performance.now() < (this.#elsewhereUntil.get(partition) ?? -Infinity);
    if (isForOthers && !this.#nc.isClosed())
      this.#nc.publish(changesSubject(partition, this.#id), JSON.stringify(batch));
  }

  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void {
    const here = this.#here.get(partition) ?? new Set();
    this.#here.set(partition, here.add(onBatch));
    const subscription = this.#nc.subscribe(changesSubject(partition, '*'), {
      callback: (error, message) => {
        if (!error && message.subject !== changesSubject(partition, this.#id)) onBatch(message.json<FeedBatch>());
      },
    });
    return () => {
      here.delete(onBatch);
      subscription.unsubscribe();
    };
  }

  serve(partition: Partition, answer: (question: FeedQuestion) => FeedAnswer | undefined): () => void {
    const subscription = this.#nc.subscribe(feedSubject(partition), {
      queue: 'owner',
      callback: (error, message) => {
        if (error) return;
        const { from, ...question } = message.json<WireQuestion>();
        // Before it is answered: what changes from then on is to reach it.
        if (from !== this.#id) this.#elsewhereUntil.set(partition, performance.now() + INTEREST_MS);
        const found = answer(question);
        if (found) respond(message, encoder.encode(JSON.stringify(found)));
      },
    });
    return () => subscription.unsubscribe();
  }

  async ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer> {
    try {
      const chunks: Uint8Array[] = [];
      const replies = await this.#nc.requestMany(
        feedSubject(partition),
        JSON.stringify({ ...question, from: this.#id } satisfies WireQuestion),
        { strategy: 'sentinel', maxWait: ANSWER_WITHIN_MS },
      );
      for await (const { data } of replies) {
        if (data.length === 0) return JSON.parse(decoder.decode(Buffer.concat(chunks))) as FeedAnswer;
        chunks.push(data);
      }
    } catch (error) {
      throw new Failure('unavailable', 'the live counts of some spaces are not to be had now', {
        cause: error,
        retryAfterSeconds: 1,
      });
    }
    throw new Failure('unavailable', 'the live counts of some spaces are being restored', { retryAfterSeconds: 1 });
  }
}

function respond(message: Msg, answer: Uint8Array): void {
  for (let at = 0; at < answer.length; at += CHUNK_BYTES) message.respond(answer.subarray(at, at + CHUNK_BYTES));
  message.respond(NOTHING);
}
