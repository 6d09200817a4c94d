// MQTT messages at QoS 1 and 2, from nats-server's own stream. The server passes such a message on to READINGS
// without waiting, stores it in its own stream, and then acknowledges it to the device. The stream has interest
// retention: it keeps messages for the consumer opened here until the service has made sure that READINGS has them
// too.
import {
  type ConsumerUpdateConfig,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { ACKNOWLEDGED_CONSUMER, NatsAcknowledgedMessages } from './acknowledged-messages.ts';
import { DEVICE_SUBJECTS } from './streams.ts';

/** The stream's name is defined by nats-server. */
export const MQTT_MESSAGES = '$MQTT_msgs';
export const MQTT_CONSUMER = 'density';
/** API prefix for JetStream in the devices' account, if that is not the service's own account (docs/adr/0040). */
export const DEVICES_API = '$JS.DEVICES.API';

const PREFIX = '$MQTT.msgs.';
const OWN_API = '$JS.API';
/** Error code: a consumer of this name exists with other settings. */
const CONSUMER_EXISTS = 10148;

/** Creates the stream and the consumer if they are missing, even if no MQTT client has connected yet. */
export async function openMqttMessages(nc: NatsConnection, replicas: number): Promise<NatsAcknowledgedMessages> {
  const apiPrefix = (await hasDevicesAccount(nc)) ? DEVICES_API : OWN_API;
  const jsm = await jetstreamManager(nc, { apiPrefix, checkAPI: false });
  await createStream(jsm, replicas);
  await createConsumer(jsm);
  const consumer = await jetstream(nc, { apiPrefix }).consumers.get(MQTT_MESSAGES, MQTT_CONSUMER);
  return new NatsAcknowledgedMessages(consumer, PREFIX, isOfDevice);
}

const DEVICE_PREFIXES = DEVICE_SUBJECTS.map((subject) => subject.slice(0, -'>'.length));
const isOfDevice = (subject: string): boolean => DEVICE_PREFIXES.some((prefix) => subject.startsWith(prefix));

/** True if devices have their own account, whose MQTT stream the service may use. */
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

/** Creates the stream as nats-server does when the first MQTT client connects. An existing stream is unchanged. */
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

/**
 * Creates the consumer, or updates the subjects of a consumer of an earlier version.
 *
 * It has one filter, for all topics, although the service needs only those of devices: with several filters,
 * nats-server compares them with a topic in time that grows faster than the square of the topic's levels, while it
 * holds the locks of the stream. A single topic of 40 KB made JetStream unavailable for minutes.
 */
async function createConsumer(jsm: JetStreamManager): Promise<void> {
  const filters = [`${PREFIX}>`];
  const create = async (): Promise<unknown> =>
    jsm.consumers.add(MQTT_MESSAGES, {
      durable_name: MQTT_CONSUMER,
      filter_subjects: filters,
      ...ACKNOWLEDGED_CONSUMER,
    });
  try {
    await create();
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error;
    const withoutFilter = { filter_subject: undefined } as unknown as Partial<ConsumerUpdateConfig>;
    await jsm.consumers.update(MQTT_MESSAGES, MQTT_CONSUMER, { ...withoutFilter, filter_subjects: filters });
  }
}
