// The change channel on core NATS, without a stream or storage. Changes are published to
// `density.changes.<k>.<process>`, but only while another process has recently shown interest by asking; subscribers
// in the same process get them directly. Questions go to `density.feed.<k>`. The partition's owner answers in chunks
// that fit into a message, followed by an empty message.
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
  /** The asking process. */
  readonly from: string;
}

export class NatsChangeChannel implements ChangeChannel {
  readonly #nc: NatsConnection;
  /** Identifies this process. */
  readonly #id = nuid.next();
  readonly #local = new Map<Partition, Set<(batch: FeedBatch) => void>>();
  /** For each partition, until when another process is interested, by this process's monotonic clock. */
  readonly #remoteUntil = new Map<Partition, number>();

  constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  publish(partition: Partition, batch: FeedBatch): void {
    for (const onBatch of [...(this.#local.get(partition) ?? [])]) onBatch(batch);
    // An empty batch announces a new feed. It is published in any case, because relays that followed another owner
    // must ask this one.
    const isForOthers = batch.items.length === 0 || performance.now() < (this.#remoteUntil.get(partition) ?? -Infinity);
    if (isForOthers && !this.#nc.isClosed())
      this.#nc.publish(changesSubject(partition, this.#id), JSON.stringify(batch));
  }

  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void {
    const local = this.#local.get(partition) ?? new Set();
    this.#local.set(partition, local.add(onBatch));
    const subscription = this.#nc.subscribe(changesSubject(partition, '*'), {
      callback: (error, message) => {
        if (!error && message.subject !== changesSubject(partition, this.#id)) onBatch(message.json<FeedBatch>());
      },
    });
    return () => {
      local.delete(onBatch);
      subscription.unsubscribe();
    };
  }

  serve(partition: Partition, answer: (question: FeedQuestion) => Promise<FeedAnswer | undefined>): () => void {
    const subscription = this.#nc.subscribe(feedSubject(partition), {
      queue: 'owner',
      callback: (error, message) => {
        if (error) return;
        const { from, ...question } = message.json<WireQuestion>();
        // Recorded before answering, so that every change after the answer is published to the asking process.
        if (from !== this.#id) this.#remoteUntil.set(partition, performance.now() + INTEREST_MS);
        answer(question)
          .then((found) => found && respond(message, encoder.encode(JSON.stringify(found))))
          // The connection may be closed. A relay that gets no answer asks again.
          .catch(() => undefined);
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
      throw new Failure('unavailable', 'the live counts of some spaces are not available at the moment', {
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
