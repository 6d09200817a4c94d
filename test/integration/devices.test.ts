// DPUs as they connect: NATS clients with JetStream's acknowledgement, an MQTT client through the NATS server's own
// gateway; and unusable items, which are kept with their reason and bytes.
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import mqtt from 'mqtt';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEAD_LETTERS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let nc: NatsConnection;
let js: JetStreamClient;
let jsm: JetStreamManager;
let spaceId: number;

const count = async (): Promise<unknown> => (await service.get(`/counts/${spaceId}/current`)).body;
const at = (second: number): string => new Date(Date.UTC(2024, 0, 1, 12, 0, second)).toISOString();

beforeAll(async () => {
  service = await startLocalService();
  nc = await connect({ servers: service.natsUrl });
  js = jetstream(nc);
  jsm = await jetstreamManager(nc);
  spaceId = await service.create('/spaces', { name: 'Hall' });
  const doorway = await service.create('/doorways', { name: 'Door', ingress_space_id: spaceId });
  for (const id of ['nats-1', 'mqtt-1', '7', 'bad-1']) await service.create('/dpus', { id, doorway_id: doorway });
});
afterAll(async () => {
  await nc?.close();
  await service?.dispose();
});

describe('a NATS client', () => {
  it('publishes one reading, or an array, and gets the acknowledgement of JetStream', async () => {
    const one = await js.publish('dpu.nats-1.readings', JSON.stringify({ timestamp: at(1), direction: 1 }));
    expect(one).toMatchObject({ stream: 'READINGS' });
    const many = [2, 3, 4].map((second) => ({
      dpu_id: 'nats-1',
      timestamp: at(second),
      direction: second === 3 ? -1 : 1,
      id: `r${second}`,
    }));
    expect((await js.publish('dpu.nats-1.readings', JSON.stringify(many))).seq).toBeGreaterThan(one.seq);
    await eventually(async () => expect(await count()).toMatchObject({ count: 2, net: 2 }));
  });

  it('may give a number as dpu_id, milliseconds as timestamp, and any offset', async () => {
    await js.publish(
      'dpu.7.readings',
      JSON.stringify([
        { dpu_id: 7, timestamp: Date.parse(at(5)), direction: '+1' },
        { dpu_id: '7', timestamp: '2024-01-01T13:00:06+01:00', direction: '-1' },
        // The second one again.
        { timestamp: at(6), direction: -1 },
      ]),
    );
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({ accepted: 7, applied: 6, duplicate: 1 }),
    );
    expect(await count()).toMatchObject({ count: 2, net: 2 });
  });
});

describe('an MQTT 3.1.1 client', () => {
  it('publishes to dpu/<id>/readings with QoS 1', async () => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
      protocolVersion: 4,
      clientId: 'mqtt-1',
    });
    await client.publishAsync('dpu/mqtt-1/readings', JSON.stringify({ timestamp: at(7), direction: 1 }), { qos: 1 });
    await client.publishAsync(
      'dpu/mqtt-1/readings',
      JSON.stringify([
        { timestamp: at(8), direction: 1 },
        { timestamp: at(9), direction: 1 },
      ]),
      { qos: 1 },
    );
    await client.publishAsync('dpu/mqtt-1/readings', JSON.stringify({ timestamp: at(10), direction: -1 }), { qos: 0 });
    await client.endAsync();
    await eventually(async () => expect(await count()).toMatchObject({ count: 4, net: 4, last_reading_at: at(10) }));
  });
});

describe('an unusable item', () => {
  const FAR = new Date(Date.now() + 86_400_000).toISOString();
  const CASES: readonly { reason: string; raw: string }[] = [
    { reason: 'bad_direction', raw: `{"timestamp":"${at(20)}","direction":0}` },
    { reason: 'bad_direction', raw: `{"timestamp":"${at(20)}"}` },
    { reason: 'bad_timestamp', raw: '{ "direction": 1,  "timestamp": "" }' },
    { reason: 'bad_timestamp', raw: `{"timestamp":"yesterday",  "direction":1}` },
    { reason: 'future', raw: `{"timestamp":"${FAR}","direction":1}` },
    { reason: 'bad_dpu_id', raw: `{"dpu_id":"other","timestamp":"${at(20)}","direction":1}` },
    { reason: 'bad_id', raw: `{"timestamp":"${at(20)}","direction":1,"id":"no spaces"}` },
    { reason: 'bad_reading', raw: '"a, ]string"' },
  ];

  it('is dead-lettered with its reason and bytes, and the rest of its batch is routed', async () => {
    const before = (await count()) as { net: number };
    const good = `{"timestamp":"${at(21)}","direction":1}`;
    const { seq } = await js.publish('dpu.bad-1.readings', `[${CASES.map(({ raw }) => raw).join(' ,\n ')}, ${good}]`);
    const broken = await js.publish('dpu.bad-1.readings', '[{"timestamp":');
    await eventually(async () => expect(await count()).toMatchObject({ net: before.net + 1, last_reading_at: at(21) }));
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({
        dead_lettered: CASES.length + 1,
        remainder: 0,
        dead_letters: {
          bad_direction: 2,
          bad_timestamp: 2,
          future: 1,
          bad_dpu_id: 1,
          bad_id: 1,
          bad_reading: 1,
          bad_json: 1,
        },
      }),
    );
    for (const reason of new Set(CASES.map((some) => some.reason))) {
      // One dead letter per reason, with the index of the first item.
      const [index, raws] = [
        CASES.findIndex((some) => some.reason === reason),
        CASES.flatMap((some) => (some.reason === reason ? [some.raw] : [])),
      ];
      const letter = await jsm.streams.getMessage(DEAD_LETTERS, { last_by_subj: `dead.${reason}.${seq}.${index}` });
      expect(letter?.string()).toBe(raws.length === 1 ? raws[0] : `[${raws.join(',')}]`);
      expect(letter?.header.get('items')).toBe(String(raws.length));
      expect(letter?.header.get('reason')).toBe(reason);
      expect(letter?.header.get('subject')).toMatch(/^readings\.\d+\.bad-1\.readings$/);
      expect(letter?.header.get('detail')).not.toBe('');
    }
    expect(
      (await jsm.streams.getMessage(DEAD_LETTERS, { last_by_subj: `dead.bad_json.${broken.seq}.0` }))?.string(),
    ).toBe('[{"timestamp":');
  });
});

describe('an unregistered DPU', () => {
  it('has its readings held, and they count once it is placed', async () => {
    const before = (await count()) as { net: number };
    await js.publish(
      'dpu.stranger.readings',
      JSON.stringify([
        { timestamp: at(30), direction: 1 },
        { timestamp: at(31), direction: 1 },
      ]),
    );
    await eventually(async () => expect((await service.get('/account')).body).toMatchObject({ held: 2, remainder: 0 }));
    expect(await count()).toMatchObject({ net: before.net });
    await service.send('POST', '/dpus', { id: 'stranger', doorway_id: 1 });
    await eventually(async () => expect(await count()).toMatchObject({ net: before.net + 2, last_reading_at: at(31) }));
    expect((await service.get('/account')).body).toMatchObject({ held: 0, remainder: 0 });
  });
});
