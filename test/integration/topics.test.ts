// Topics as devices spell them: whatever is published below `dpu.`, by MQTT or NATS, counts or is a dead letter.
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectNats, type NatsHandles } from '../../src/nats/connect.ts';
import { NatsDeadLetters } from '../../src/nats/dead-letters.ts';
import { MQTT_CONSUMER, MQTT_MESSAGES, openMqttMessages } from '../../src/nats/mqtt-messages.ts';
import { createStreams, FORWARDED, READINGS } from '../../src/nats/streams.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';
import { NatsAlone } from '../support/nats-alone.ts';

const PARTITIONS = 5;
const FIRST_MS = Date.UTC(2024, 0, 1);

let service: LocalService;
let nats: NatsHandles;
let client: mqtt.MqttClient;
let sent = 0;

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: String(PARTITIONS) });
  nats = await connectNats(service.natsUrl, 'test');
  client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, { protocolVersion: 4 });
  await service.send('POST', '/spaces', { name: 'Hall' });
  await service.send('POST', '/doorways', { name: 'Door', ingress_space_id: 1 });
  for (const id of ['7', 'a.b']) await service.send('POST', '/dpus', { id, doorway_id: 1 });
});
afterAll(async () => {
  await client?.endAsync(true);
  await nats?.nc.close();
  await service?.dispose();
});

const reading = (): string => JSON.stringify({ timestamp: FIRST_MS + sent++, direction: 1 });
const net = async (): Promise<number> => ((await service.get('/counts/1/current')).body as { net: number }).net;
const account = async (): Promise<{ accepted: number; dead_lettered: number; remainder: number }> =>
  (await service.get('/account')).body as { accepted: number; dead_lettered: number; remainder: number };

/** What READINGS has, by DPU token. */
async function partitionsOf(token: string): Promise<number[]> {
  const { state } = await nats.jsm.streams.info(READINGS, { subjects_filter: `readings.*.${token}.>` });
  return [...new Set(Object.keys(state.subjects ?? {}).map((subject) => Number(subject.split('.')[1])))];
}

const SPELLINGS = [
  'dpu/7/readings',
  'dpu/7/reading',
  'dpu/7/Readings',
  '/dpu/7/readings',
  '/dpu/7/reading',
  'dpu/7/readings/',
  '/dpu/7/readings/',
  'dpu/7//readings',
  'dpu/a=2Eb/reading/',
  '/dpu/a=2Eb/readings',
];

describe('over MQTT', () => {
  it.each([0, 1, 2] as const)('A2 the obvious spellings of a topic count, once each, at QoS %s', async (qos) => {
    const before = await net();
    for (const topic of SPELLINGS) await client.publishAsync(topic, reading(), { qos });
    await eventually(async () => expect(await net()).toBe(before + SPELLINGS.length));
    expect(await account()).toMatchObject({ dead_lettered: 0, remainder: 0 });
  });

  it('a misspelled topic leads to the partition of its DPU', async () => {
    expect(await partitionsOf('7')).toEqual([partitionOfDpu('7' as DpuId, PARTITIONS)]);
    expect(await partitionsOf('a=2Eb')).toEqual([partitionOfDpu('a.b' as DpuId, PARTITIONS)]);
  });

  it('A1 A2 what fits nothing is a dead letter that shows the subject', async () => {
    const [before, counted] = [await account(), await net()];
    const strange = {
      'dpu/7/status': 'bad_subject',
      '/dpu/7/status/': 'bad_subject',
      'dpu/7': 'bad_subject',
      '/dpu/7': 'bad_subject',
      'dpu/7/': 'bad_subject',
      'dpu/7/readings/2': 'bad_subject',
      'dpu/7/tick': 'bad_subject',
      'dpu/tick': 'bad_subject',
      'dpu/7/>': 'bad_subject',
      [`dpu/7/${'x/'.repeat(20_000)}`]: 'bad_subject',
      'dpu//7/readings': 'bad_dpu_id',
      'dpu/a.b/readings': 'bad_dpu_id',
      'dpu/é/readings': 'bad_dpu_id',
      'dpu/': 'bad_dpu_id',
    };
    for (const topic of Object.keys(strange)) await client.publishAsync(topic, `[${reading()}]`, { qos: 1 });
    const topics = Object.keys(strange).length;
    await eventually(
      async () => expect(await account()).toMatchObject({ accepted: before.accepted + topics, remainder: 0 }),
      60_000,
    );
    expect(await net()).toBe(counted);
    const letters = await new NatsDeadLetters(nats.js, nats.jsm).newest(topics);
    expect(letters.map(({ reason }) => reason).sort()).toEqual(Object.values(strange).sort());
    expect(letters.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^readings\.\d\.7\.status$/),
        expect.stringMatching(/^readings\.\d\.7\.\/$/),
        expect.stringMatching(/^readings\.\d\.7\.=3E$/),
      ]),
    );
    expect(letters.find(({ subject }) => subject.endsWith('.7.status'))?.detail).toBe(
      'dpu.7.status is not a subject of readings or heartbeats; readings go to dpu.7.readings',
    );
  });

  it('a topic of other applications is released, and gets into no stream of the service', async () => {
    const lastSeq = async (): Promise<number> => (await nats.jsm.streams.info(MQTT_MESSAGES)).state.last_seq;
    const [before, last] = [await account(), await lastSeq()];
    await client.publishAsync('lamps/7/on', 'yes', { qos: 1 });
    expect(await lastSeq()).toBe(last + 1);
    await eventually(async () => expect((await nats.jsm.streams.info(MQTT_MESSAGES)).state.messages).toBe(0), 60_000);
    const { state } = await nats.jsm.streams.info(READINGS, { subjects_filter: 'readings.*.lamps.>' });
    expect(state.subjects ?? {}).toEqual({});
    expect(await account()).toEqual(before);
  });

  it('every acknowledged message is released in the stream that acknowledged it', async () => {
    await eventually(async () => {
      for (const stream of [FORWARDED, MQTT_MESSAGES])
        expect((await nats.jsm.streams.info(stream)).state.messages, stream).toBe(0);
    }, 60_000);
    // Put into READINGS twice, it would be a duplicate.
    expect((await service.get('/account')).body).toMatchObject({ duplicate: 0 });
  });
});

it('A2 a backlog with the longest topic that MQTT allows is delivered, and JetStream answers meanwhile', async () => {
  const alone = await NatsAlone.start(PARTITIONS);
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${alone.mqttPort}`, { protocolVersion: 4 });
  try {
    const acknowledged = await openMqttMessages(alone.nats.nc, 1);
    const topics = [`dpu/7/${'x/'.repeat(30_000)}`, ...Array.from({ length: 10 }, (_, n) => `dpu/7/${n}`)];
    for (const topic of topics) await device.publishAsync(topic, reading(), { qos: 1 });
    const { signal } = new AbortController();
    const delivered = new Set<string>();
    await eventually(async () => {
      const [messages] = await Promise.all([
        acknowledged.next(signal),
        // Needs the lock that the server holds while it looks for the next message.
        alone.nats.jsm.consumers.info(MQTT_MESSAGES, MQTT_CONSUMER),
      ]);
      for (const message of messages) {
        delivered.add(message.topic);
        message.release();
      }
      expect(delivered.size).toBe(topics.length);
    });
  } finally {
    await device.endAsync(true);
    await alone.dispose();
  }
});

describe('over NATS', () => {
  it('A1 every item of a misaddressed array is in the dead letter', async () => {
    const before = await account();
    expect((await nats.js.publish('dpu.7.other', `[${reading()}, ${reading()}]`)).stream).toBe(READINGS);
    expect((await nats.js.publish('/.dpu.7.other', `[${reading()}]`)).stream).toBe(FORWARDED);
    await eventually(async () =>
      expect(await account()).toMatchObject({ dead_lettered: before.dead_lettered + 3, remainder: 0 }),
    );
    const letters = await new NatsDeadLetters(nats.js, nats.jsm).newest(2);
    expect(letters.map(({ items }) => items).sort()).toEqual([1, 2]);
    expect(JSON.parse(new TextDecoder().decode(letters.find(({ items }) => items === 2)?.raw))).toHaveLength(2);
  });
});

describe('a stream of an earlier version', () => {
  it('A2 keeps its consumer, which gets the subjects of this one', async () => {
    const { config } = await nats.jsm.consumers.info(MQTT_MESSAGES, MQTT_CONSUMER);
    await nats.jsm.consumers.delete(MQTT_MESSAGES, MQTT_CONSUMER);
    const { filter_subjects: subjects, ...earlier } = config;
    await nats.jsm.consumers.add(MQTT_MESSAGES, { ...earlier, filter_subject: '$MQTT.msgs.dpu.*.readings' });
    await openMqttMessages(nats.nc, 1);
    await openMqttMessages(nats.nc, 1);
    const is = await nats.jsm.consumers.info(MQTT_MESSAGES, MQTT_CONSUMER);
    expect(is.config.filter_subjects).toEqual(subjects);
    expect(subjects).toEqual(['$MQTT.msgs.>']);
  });

  it('gets the subjects of this one, and keeps its number of partitions', async () => {
    const { config } = await nats.jsm.streams.info(READINGS);
    const earlier = {
      subjects: ['dpu.*.readings', 'dpu.*.heartbeat', 'readings.*.tick'],
      subject_transform: {
        src: 'dpu.*.*',
        dest: `readings.{{partition(${PARTITIONS},1)}}.{{wildcard(1)}}.{{wildcard(2)}}`,
      },
    };
    await nats.jsm.streams.update(READINGS, earlier);
    await expect(createStreams(nats.jsm, PARTITIONS + 1, 1)).rejects.toThrow('another number of partitions');
    expect((await nats.jsm.streams.info(READINGS)).config).toMatchObject(earlier);
    await createStreams(nats.jsm, PARTITIONS, 1);
    const { subjects, subject_transform: transform } = config;
    expect((await nats.jsm.streams.info(READINGS)).config).toMatchObject({ subjects, subject_transform: transform });
    const before = await net();
    await nats.js.publish('dpu.7.reading', reading());
    await eventually(async () => expect(await net()).toBe(before + 1));
  });
});
