// MQTT messages at QoS 1 and 2, from nats-server's own stream. The server passes such a message on to READINGS without
// waiting, stores it in its stream, and acknowledges it to the device once it is stored there. The stream has interest
// retention: it keeps messages for the consumer opened here until the service has made sure that READINGS has them too.
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { dpuOfToken, type DpuId } from '../domain/ids.ts';
import type { AcknowledgedMessage, AcknowledgedMessages } from '../ports/readings-log.ts';

/** The stream's name is defined by nats-server. */
export const MQTT_MESSAGES = '$MQTT_msgs';
export const MQTT_CONSUMER = 'density';
/** API prefix for the JetStream of the devices' account, if that is not the service's own (docs/adr/0040). */
export const DEVICES_API = '$JS.DEVICES.API';

const PREFIX = '$MQTT.msgs.';
const READINGS_OF_ALL = `${PREFIX}dpu.*.readings`;
const OWN_API = '$JS.API';
const BATCH_MESSAGES_MAX = 10_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_WITHIN_MS = 2_000;
/** The server sends this many at once, and each may have a megabyte. */
const FETCH_MESSAGES_MAX = 64;
/** The client's minimum. */
const FETCH_EXPIRES_MS = 1_000;
/** Messages delivered to a process that has died are delivered to another one after this time. */
const ACK_WAIT_NS = 30_000_000_000;
const UNACKNOWLEDGED_MAX = 200_000;

export class NatsMqttMessages implements AcknowledgedMessages {
  readonly #consumer: Consumer;

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Creates the stream and the consumer if they are missing; no MQTT client need have connected yet. */
  static async open(nc: NatsConnection, replicas: number): Promise<NatsMqttMessages> {
    const apiPrefix = (await hasDevicesAccount(nc)) ? DEVICES_API : OWN_API;
    const jsm = await jetstreamManager(nc, { apiPrefix, checkAPI: false });
    await createStream(jsm, replicas);
    await jsm.consumers.add(MQTT_MESSAGES, {
      durable_name: MQTT_CONSUMER,
      filter_subject: READINGS_OF_ALL,
      deliver_policy: DeliverPolicy.All,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: UNACKNOWLEDGED_MAX,
    });
    return new NatsMqttMessages(await jetstream(nc, { apiPrefix }).consumers.get(MQTT_MESSAGES, MQTT_CONSUMER));
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
      const fetched = await this.#fetch(signal);
      messages.push(...fetched);
      bytes += fetched.reduce((sum, { data }) => sum + data.length, 0);
    }
    return messages;
  }

  async #fetch(signal: AbortSignal): Promise<AcknowledgedMessage[]> {
    const fetched = await this.#consumer.fetch({ max_messages: FETCH_MESSAGES_MAX, expires: FETCH_EXPIRES_MS });
    const stop = (): void => fetched.stop();
    signal.addEventListener('abort', stop);
    try {
      const messages: AcknowledgedMessage[] = [];
      for await (const message of fetched) {
        const token = message.subject.slice(PREFIX.length).split('.')[1] ?? '';
        // A token that names no DPU is taken for an id, so that its message is kept, too.
        const dpuId = dpuOfToken(token) ?? (token as DpuId);
        messages.push({ dpuId, data: message.data, storedMs: message.time.getTime(), release: () => message.ack() });
      }
      return messages;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** True if devices have an account of their own whose MQTT stream the service may use. */
export async function hasDevicesAccount(nc: NatsConnection): Promise<boolean> {
  const jsm = await jetstreamManager(nc, { apiPrefix: DEVICES_API, checkAPI: false });
  try {
    await jsm.streams.info(MQTT_MESSAGES);
    return true;
  } catch (error) {
    // An API error, such as "stream not found", is a reply: the account exists.
    return error instanceof JetStreamApiError;
  }
}

/** Creates the stream as nats-server does when the first MQTT client connects. Leaves an existing one unchanged. */
async function createStream(jsm: JetStreamManager, replicas: number): Promise<void> {
  try {
    await jsm.streams.info(MQTT_MESSAGES);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.StreamNotFound) throw error;
    await jsm.streams.add({
      name: MQTT_MESSAGES,
      subjects: [`${PREFIX}>`],
      retention: RetentionPolicy.Interest,
      storage: StorageType.File,
      num_replicas: replicas,
    });
  }
}
