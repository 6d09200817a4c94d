// A PUBACK is a promise: the acknowledged message ends up in READINGS, whatever happens to the nats-server.
import { AckPolicy } from '@nats-io/jetstream';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MQTT_CONSUMER, MQTT_MESSAGES } from '../../src/nats/mqtt-messages.ts';
import { READINGS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const DEVICES = 6;
/** Messages in flight: a device does not wait for one PUBACK before it sends the next. */
const IN_FLIGHT = 20;
const RESTARTS = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const;
const ACKNOWLEDGED_BETWEEN = 200;
/** A time in 2026, so that no two readings of a device are the same. */
const FIRST_MS = 1_767_225_600_000;

/** The messages that were acknowledged to one MQTT device, as `device payload`. */
class Device {
  readonly id: string;
  readonly acknowledged: Set<string>;
  readonly #client: mqtt.MqttClient;
  #sent = 0;
  #isStopped = false;

  constructor(id: string, port: number, acknowledged: Set<string>) {
    [this.id, this.acknowledged] = [id, acknowledged];
    this.#client = mqtt.connect({
      host: '127.0.0.1',
      port,
      protocolVersion: 4,
      clientId: id,
      reconnectPeriod: 20,
      connectTimeout: 5_000,
    });
    // The server is unavailable at times.
    this.#client.on('error', () => undefined);
  }

  /** Publishes until it is stopped. */
  async publish(): Promise<void> {
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (!this.#isStopped) await this.publishOne();
      }),
    );
  }

  async publishOne(): Promise<void> {
    const payload = JSON.stringify({ timestamp: FIRST_MS + this.#sent++, direction: 1 });
    while (!(await this.#isAcknowledged(payload))) {
      // The connection broke before the PUBACK, so the device sends the message again.
    }
    this.acknowledged.add(`${this.id} ${payload}`);
  }

  async #isAcknowledged(payload: string): Promise<boolean> {
    return this.#client.publishAsync(`dpu/${this.id}/readings`, payload, { qos: 1 }).then(
      () => true,
      () => false,
    );
  }

  stop(): void {
    this.#isStopped = true;
  }

  async end(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

let alone: NatsAlone;
let service: LocalService;
let devices: Device[];
let acknowledged: Set<string>;

beforeEach(async () => {
  alone = await NatsAlone.start(2, 'always');
  service = await startLocalService({ NATS_URL: alone.url, PARTITIONS: '2', TICK_INTERVAL_MS: '500' });
  await service.send('POST', '/spaces', { name: 'Hall' });
  await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
  for (let n = 0; n < DEVICES; n++) await service.send('POST', '/dpus', { id: `mqtt-${n}`, doorway_id: 1 });
  await eventually(async () =>
    expect((await alone.nats.jsm.consumers.info(MQTT_MESSAGES, MQTT_CONSUMER)).config.ack_policy).toBe(
      AckPolicy.Explicit,
    ),
  );
  acknowledged = new Set();
  devices = Array.from({ length: DEVICES }, (_, n) => new Device(`mqtt-${n}`, alone.mqttPort, acknowledged));
});

afterEach(async () => {
  for (const device of devices) await device.end();
  await service.dispose();
  await alone.dispose();
});

/** The messages in READINGS, as `device payload`. */
async function stored(): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const { topic, data } of service.service.readings.storedBetween(0, Infinity))
    found.add(`${topic.split('.')[0]} ${new TextDecoder().decode(data)}`);
  return found;
}

async function missing(): Promise<string[]> {
  const there = await stored();
  return [...acknowledged].filter((message) => !there.has(message));
}

describe('a message that MQTT acknowledges at QoS 1', () => {
  it('A2 is in READINGS, whenever the nats-server is restarted or killed', async () => {
    const publishing = devices.map(async (device) => device.publish());
    for (const signal of RESTARTS) {
      const before = acknowledged.size;
      await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + ACKNOWLEDGED_BETWEEN));
      const startAgain = await alone.kill(signal);
      await startAgain();
    }
    for (const device of devices) device.stop();
    await Promise.all(publishing);
    await eventually(async () => expect(await missing()).toEqual([]), 120_000);
    const readings = (await stored()).size;
    await eventually(async () => {
      expect((await service.get('/counts/1/current')).body).toMatchObject({ count: readings });
      expect((await service.get('/account')).body).toMatchObject({ applied: readings, remainder: 0 });
    }, 120_000);
  });

  it('A2 is appended to READINGS if that refused it, as soon as it accepts messages, and no other message is', async () => {
    const [device] = devices;
    await device?.publishOne();
    await device?.publishOne();
    await eventually(async () => expect(await missing()).toEqual([]));
    // nats-server acknowledges without waiting for READINGS.
    await alone.nats.jsm.streams.update(READINGS, { max_msg_size: 10 });
    await device?.publishOne();
    expect(await missing()).toHaveLength(1);
    await alone.nats.jsm.streams.update(READINGS, { max_msg_size: -1 });
    await eventually(async () => expect(await missing()).toEqual([]), 120_000);
    await eventually(async () => expect((await alone.nats.jsm.streams.info(MQTT_MESSAGES)).state.messages).toBe(0));
    const { state } = await alone.nats.jsm.streams.info(READINGS, { subjects_filter: 'readings.*.mqtt-0.readings' });
    expect(Object.values(state.subjects ?? {})).toEqual([3]);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain('density_mqtt_messages_restored_total 1');
  });
});
