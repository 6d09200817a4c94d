// Messages that were acknowledged to devices and are in a stream other than READINGS. A durable consumer, shared by
// all processes of the service, delivers each message to one of them, and again to another if that process dies.
import { AckPolicy, type Consumer, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import type { AcknowledgedMessage, AcknowledgedMessages } from '../ports/readings-log.ts';
import { topicOfSubject } from './streams.ts';

const BATCH_MESSAGES_MAX = 10_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_WITHIN_MS = 2_000;
/** The server sends this many at once, and each may have a megabyte. */
const FETCH_MESSAGES_MAX = 64;
/** The minimum of the client library. */
const FETCH_EXPIRES_MS = 1_000;
/** Messages delivered to a process that has died are delivered to another one after this time. */
const ACK_WAIT_NS = 30_000_000_000;
const UNACKNOWLEDGED_MAX = 200_000;

export const ACKNOWLEDGED_CONSUMER = {
  deliver_policy: DeliverPolicy.All,
  ack_policy: AckPolicy.Explicit,
  ack_wait: ACK_WAIT_NS,
  max_ack_pending: UNACKNOWLEDGED_MAX,
} satisfies Partial<ConsumerConfig>;

export class NatsAcknowledgedMessages implements AcknowledgedMessages {
  readonly #consumer: Consumer;
  readonly #prefix: string;
  readonly #isOfDevice: (subject: string) => boolean;

  /**
   * @param prefix the stream's subjects have this before the subject to which the device published
   * @param isOfDevice messages on other subjects are released at once
   */
  constructor(consumer: Consumer, prefix = '', isOfDevice: (subject: string) => boolean = () => true) {
    [this.#consumer, this.#prefix, this.#isOfDevice] = [consumer, prefix, isOfDevice];
  }

  async next(signal: AbortSignal): Promise<AcknowledgedMessage[]> {
    const messages: AcknowledgedMessage[] = [];
    const deadline = performance.now() + BATCH_WITHIN_MS;
    let bytes = 0;
    while (
      !signal.aborted &&
      performance.now() < deadline &&
      messages.length < BATCH_MESSAGES_MAX &&
      bytes < BATCH_BYTES_MAX
    ) {
      for await (const message of this.arriving(signal)) {
        messages.push(message);
        bytes += message.data.length;
      }
    }
    return messages;
  }

  async *arriving(signal: AbortSignal): AsyncGenerator<AcknowledgedMessage> {
    const fetched = await this.#consumer.fetch({ max_messages: FETCH_MESSAGES_MAX, expires: FETCH_EXPIRES_MS });
    const stop = (): void => fetched.stop();
    signal.addEventListener('abort', stop);
    try {
      for await (const message of fetched) {
        const subject = message.subject.slice(this.#prefix.length);
        if (!this.#isOfDevice(subject)) {
          message.ack();
          continue;
        }
        yield {
          topic: topicOfSubject(subject),
          data: message.data,
          storedMs: message.time.getTime(),
          release: () => message.ack(),
        };
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
