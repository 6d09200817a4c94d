// What MQTT clients have published at QoS 1 and 2. nats-server passes such a message on to READINGS without waiting for it, stores
// it in a stream of its own, and acknowledges it once that has it. The stream keeps what somebody wants to have: this
// consumer, so that the service can see to it that READINGS has it, too.
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
import type { DpuId } from '../domain/ids.ts';
import type { AcknowledgedMessage, AcknowledgedMessages } from '../ports/readings-log.ts';

/** The name is nats-server's. */
export const MQTT_MESSAGES = '$MQTT_msgs';
export const MQTT_CONSUMER = 'density';
/** JetStream of the account of the devices, where that is another than the service's (docs/adr/0040). */
export const DEVICES_API = '$JS.DEVICES.API';

const PREFIX = '$MQTT.msgs.';
const READINGS_OF_ALL = `${PREFIX}dpu.*.readings`;
const OWN_API = '$JS.API';
const BATCH_MESSAGES_MAX = 10_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const BATCH_WITHIN_MS = 2_000;
/** The server sends so many at once, and each may have a megabyte. */
const FETCH_MESSAGES_MAX = 64;
/** The least that the client takes. */
const FETCH_EXPIRES_MS = 1_000;
/** A process that died with messages in its hands leaves them to others after that. */
const ACK_WAIT_NS = 30_000_000_000;
const UNACKNOWLEDGED_MAX = 200_000;

export class NatsMqttMessages implements AcknowledgedMessages {
  readonly #consumer: Consumer;

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Creates what is missing; MQTT clients need not have connected yet. */
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
        const dpuId = message.subject.slice(PREFIX.length).split('.')[1] as DpuId;
        messages.push({ dpuId, data: message.data, storedMs: message.time.getTime(), release: () => message.ack() });
      }
      return messages;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** Whether devices have an account of their own, of which the service may use this much of JetStream. */
export async function hasDevicesAccount(nc: NatsConnection): Promise<boolean> {
  const jsm = await jetstreamManager(nc, { apiPrefix: DEVICES_API, checkAPI: false });
  try {
    await jsm.streams.info(MQTT_MESSAGES);
    return true;
  } catch (error) {
    // It says that there is no such stream: somebody is there to say it.
    return error instanceof JetStreamApiError;
  }
}

/** As nats-server creates it when the first client connects; one that is there already is left as it is. */
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
