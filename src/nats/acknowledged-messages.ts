// Messages that were acknowledged to devices and are in a stream other than READINGS. A durable consumer, shared by
// all processes of the service, delivers each message to one of them, and again to another if that process dies.
import { AckPolicy, type Consumer, type ConsumerConfig, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import type { AcknowledgedMessage, AcknowledgedMessages } from '../ports/readings-log.ts';
import { topicOfSubject } from './streams.ts';

const BATCH_MESSAGES_MAX = 10_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_WITHIN_MS = 2_000;
/** The server sends this many at once, and each may have a megabyte. */
const FETCH_MESSAGES_MAX = 64;
/** The minimum of the client library. */
const FETCH_EXPIRES_MS = 1_000;
/** While nothing arrives, each fetch costs the server a request, a heartbeat and an answer. */
const IDLE_FETCH_EXPIRES_MS = 5_000;
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
    let [received, bytes] = [0, 0];
    const receive = async (max: number, expiresMs: number): Promise<void> => {
      for await (const fetched of this.#fetch(signal, max, expiresMs)) {
        const message = this.#ofDevice(fetched);
        received += 1;
        bytes += fetched.data.length;
        if (message) messages.push(message);
      }
    };
    await receive(1, IDLE_FETCH_EXPIRES_MS);
    const deadline = performance.now() + BATCH_WITHIN_MS;
    while (
      received > 0 &&
      !signal.aborted &&
      performance.now() < deadline &&
      messages.length < BATCH_MESSAGES_MAX &&
      bytes < BATCH_BYTES_MAX
    )
      await receive(FETCH_MESSAGES_MAX, FETCH_EXPIRES_MS);
    return messages;
  }

  async *arriving(signal: AbortSignal): AsyncGenerator<AcknowledgedMessage> {
    for await (const fetched of this.#fetch(signal, FETCH_MESSAGES_MAX, IDLE_FETCH_EXPIRES_MS)) {
      const message = this.#ofDevice(fetched);
      if (message) yield message;
    }
  }

  /** Ends when that many messages have arrived, or when the request expires. */
  async *#fetch(signal: AbortSignal, max: number, expiresMs: number): AsyncGenerator<JsMsg> {
    const fetched = await this.#consumer.fetch({ max_messages: max, expires: expiresMs });
    const stop = (): void => fetched.stop();
    signal.addEventListener('abort', stop);
    try {
      yield* fetched;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Releases a message that is not of a device, and returns undefined for it. */
  #ofDevice(message: JsMsg): AcknowledgedMessage | undefined {
    const subject = message.subject.slice(this.#prefix.length);
    if (!this.#isOfDevice(subject)) {
      message.ack();
      return undefined;
    }
    return {
      topic: topicOfSubject(subject),
      data: message.data,
      storedMs: message.time.getTime(),
      release: () => message.ack(),
    };
  }
}
