// What DPUs and the service may publish and subscribe to on NATS and MQTT, tested on a real server with the
// configuration of deploy/nats.
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import mqtt from 'mqtt';
import { headers, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dpuCredentials, mqttDpuToken, serviceCredentials } from '../../src/nats/credentials.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { mayPublish, maySubscribe } from '../support/nats-rights.ts';
import { startSecuredNats, type SecuredNats } from '../support/secured-nats.ts';

const OWN = [
  'dpu.7.readings',
  'dpu.7.heartbeat',
  'dpu.7',
  'dpu.7.other',
  'ingest.xovis.7',
  'ingest.roode.7.sensor.state',
  'dpu.7.readings./',
  '/.dpu.7',
  '/.dpu.7.readings',
];
/** Subjects that no DPU may publish or subscribe to. */
const OTHERS = [
  'dpu.8.readings',
  'dpu.8.heartbeat',
  '/.dpu.8.readings',
  'dpu.8',
  'dpu.readings',
  '/.dpu.readings',
  'dpu./.7.readings',
  '7.readings',
  'readings.0.7.readings',
  'readings.0.tick',
  'spaces.0',
  'routers.0',
  'topology.space.1',
  'dead.bad_json.1.0',
  'checkpoints.0.last',
  '$KV.density_leases.shard.0',
  '$KV.density_displays.paired.1',
  '$KV.density_floor_plans.plan.1',
  '$O.density_floor_plan_images.C.1',
  'density.shards.0.owner',
  'density.feed.0',
  'density.changes.0',
  '_INBOX.x',
  '_INBOX_dpu.8.x',
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.INFO.READINGS',
  '$JS.API.STREAM.CREATE.MINE',
  '$JS.API.STREAM.DELETE.READINGS',
  '$JS.API.STREAM.PURGE.READINGS',
  '$JS.API.STREAM.MSG.GET.READINGS',
  '$JS.API.DIRECT.GET.READINGS',
  '$JS.API.CONSUMER.CREATE.READINGS.c',
  '$JS.API.CONSUMER.MSG.NEXT.READINGS.c',
  '$SYS.REQ.SERVER.PING',
  '$SYS.REQ.ACCOUNT.PING.CONNZ',
  '$MQTT.msgs.x',
  '$MQTT.msgs.dpu.7.readings',
  '$MQTT.JSA.x',
  '$JS.API.CONSUMER.MSG.NEXT.$MQTT_msgs.density',
  '$JS.API.STREAM.PURGE.$MQTT_msgs',
  '$JS.ACK.$MQTT_msgs.density.1.1.1.1.1',
  '$JS.DEVICES.API.STREAM.INFO.$MQTT_msgs',
];
const WILDCARDS = ['>', '*', 'dpu.>', 'dpu.*.readings', '$JS.>', '$SYS.>', '_INBOX.>', '_INBOX_dpu.>', '$MQTT.>'];

let nats: SecuredNats;
let admin: NatsConnection;
let dpu: NatsConnection;
let service: NatsConnection;

beforeAll(async () => {
  nats = await startSecuredNats();
  admin = await nats.connect(await serviceCredentials(nats.keyring, 'admin'));
  await createStreams(await jetstreamManager(admin), 2, 1);
  service = await nats.connect(await serviceCredentials(nats.keyring, 'service'));
  dpu = await nats.connect(await dpuCredentials(nats.keyring, '7'), '_INBOX_dpu.7');
});

afterAll(async () => {
  for (const connection of [dpu, service, admin]) await connection?.close();
  await nats.stop();
});

async function messagesIn(stream: string): Promise<number> {
  return (await (await jetstreamManager(admin)).streams.info(stream)).state.messages;
}

describe('a DPU that speaks NATS', () => {
  test('publishes its own readings and heartbeats, and gets an acknowledgement when they are stored', async () => {
    const before = await messagesIn('READINGS');
    const ack = await jetstream(dpu).publish(
      'dpu.7.readings',
      JSON.stringify({ timestamp: '1970-01-01T00:00:00.001Z', direction: 1 }),
    );
    expect([ack.stream, ack.duplicate]).toEqual(['READINGS', false]);
    expect(await mayPublish(dpu, 'dpu.7.heartbeat')).toBe(true);
    await eventually(async () => expect(await messagesIn('READINGS')).toBe(before + 2));
    const stored = await (await jetstreamManager(admin)).streams.getMessage('READINGS', { seq: ack.seq });
    expect(stored?.subject).toMatch(/^readings\.[01]\.7\.readings$/);
  });

  test.each(OWN)('may publish to %s', async (subject) => {
    expect(await mayPublish(dpu, subject)).toBe(true);
  });

  test.each(OTHERS)('may not publish to %s', async (subject) => {
    expect(await mayPublish(dpu, subject)).toBe(false);
  });

  test.each([...OWN, ...OTHERS, ...WILDCARDS])('may not subscribe to %s', async (subject) => {
    expect(await maySubscribe(dpu, subject)).toBe(false);
  });

  test('cannot have a reply stored as a message from somebody else', async () => {
    const streams = ['READINGS', 'SPACE_EVENTS', 'TOPOLOGY', 'DEAD_LETTERS', 'CHECKPOINTS'];
    const before = await Promise.all(streams.map(messagesIn));
    const replies = [
      'dpu.8.readings',
      'spaces.0',
      'routers.0',
      'topology.space.1',
      'dead.x.1.0',
      'checkpoints.0.last',
      'readings.1.tick',
      '$JS.API.STREAM.PURGE.SPACE_EVENTS',
      '$JS.API.STREAM.DELETE.TOPOLOGY',
    ];
    for (const reply of replies) await mayPublish(dpu, 'dpu.7.readings', { reply });
    // One of its own readings, acknowledged, comes after all of them.
    await jetstream(dpu).publish('dpu.7.readings', '{}');
    await jetstream(admin).publish('dpu.9.readings', '{}');
    const after = await Promise.all(streams.map(messagesIn));
    expect(after[0], 'its own readings, and the one of the admin').toBe((before[0] ?? 0) + replies.length + 2);
    expect(after.slice(1)).toEqual(before.slice(1));
    const others = await (
      await jetstreamManager(admin)
    ).streams.info('READINGS', { subjects_filter: 'readings.*.8.>' });
    expect(others.state.subjects ?? {}).toEqual({});
  });

  test('cannot make its message replace, expire or roll up others', async () => {
    const before = await messagesIn('READINGS');
    for (const [name, value] of [
      ['Nats-Rollup', 'all'],
      ['Nats-TTL', '1s'],
      ['Nats-Schedule', '@every 1s'],
      ['Nats-Batch-Id', 'x'],
    ] as const) {
      const asked = headers();
      asked.set(name, value);
      await jetstream(dpu)
        .publish('dpu.7.readings', '{}', { headers: asked, retries: 0 })
        .catch(() => undefined);
    }
    expect(await messagesIn('READINGS')).toBeGreaterThanOrEqual(before);
  });

  test('may not send more than the maximum payload, and is disconnected if it tries', async () => {
    const greedy = await nats.connect(await dpuCredentials(nats.keyring, '66'));
    const closed = greedy.closed();
    expect(() => greedy.publish('dpu.66.readings', new Uint8Array(1024 * 1024 + 1))).toThrow();
    await greedy.close();
    await closed;
  });
});

describe('a DPU that speaks MQTT', () => {
  let logins = 0;
  const login = async (dpuId: string, password: string): Promise<mqtt.MqttClient> =>
    mqtt.connectAsync(nats.mqttUrl, {
      username: 'dpu',
      password,
      ca: nats.ca,
      reconnectPeriod: 0,
      clientId: `client-${dpuId}-${++logins}`,
      protocolVersion: 4,
      will: { topic: 'dpu/8/readings', payload: Buffer.from('{}'), qos: 0, retain: false },
    });

  test('publishes its own readings at QoS 0 and 1, and cannot reach other subjects or the API, not even by a will', async () => {
    const before = await messagesIn('READINGS');
    const client = await login('7', await mqttDpuToken(nats.keyring, '7'));
    await client.publishAsync('dpu/7/readings', '{}', { qos: 1 });
    await client.publishAsync('dpu/7/heartbeat', '', { qos: 0 });
    await eventually(async () => expect(await messagesIn('READINGS')).toBe(before + 2));
    client.stream.destroy();
    for (const topic of [
      'dpu/8/readings',
      'dpu/7/other',
      'spaces/0',
      '$JS/API/STREAM/DELETE/READINGS',
      '$JS/API/INFO',
    ]) {
      const other = await login('7', await mqttDpuToken(nats.keyring, '7'));
      // At QoS 0 a refusal is silent; the server may also disconnect.
      await other.publishAsync(topic, '{}', { qos: 0 }).catch(() => undefined);
      await other.endAsync(true);
    }
    const last = await login('7', await mqttDpuToken(nats.keyring, '7'));
    await last.publishAsync('dpu/7/readings', '{}', { qos: 1 });
    await eventually(async () => expect(await messagesIn('READINGS')).toBe(before + 3));
    expect(await messagesIn('SPACE_EVENTS')).toBe(0);
    await last.endAsync(true);
  });

  test.each(['dpu/7/readings', 'dpu/8/readings', 'dpu/+/readings', '#', '$JS/#', '$SYS/#'])(
    'may not subscribe to %s',
    async (topic) => {
      const client = await login('7', await mqttDpuToken(nats.keyring, '7'));
      const granted = await client.subscribeAsync(topic).then(
        (grants) => grants.map(({ qos }) => qos),
        () => [128],
      );
      expect(granted).toEqual([128]);
      await client.endAsync(true);
    },
  );

  test('is refused with an unknown password, with an expired one, and with the credentials of another transport', async () => {
    const expired = await mqttDpuToken(nats.keyring, '7', Math.floor(Date.now() / 1_000) - 60);
    const natsToken = /BEGIN NATS USER JWT-----\s+(\S+)/.exec(await dpuCredentials(nats.keyring, '7'))?.[1] ?? '';
    const serviceToken =
      /BEGIN NATS USER JWT-----\s+(\S+)/.exec(await serviceCredentials(nats.keyring, 'service'))?.[1] ?? '';
    for (const password of ['', 'guess', expired, natsToken, serviceToken])
      await expect(login('7', password), password).rejects.toThrow();
  });
});

describe('the service', () => {
  const NEEDED = [
    'dpu.7.readings',
    'readings.0.tick',
    'routers.0',
    'topology.space.1',
    'dead.bad_json.1.0',
    'checkpoints.0.last',
    '$KV.density_leases.shard.0',
    '$KV.density_floor_plans.plan.1',
    '$O.density_floor_plan_images.C.1',
    '$JS.API.STREAM.PURGE.OBJ_density_floor_plan_images',
    'density.shards.0.owner',
    'density.shards.0.standby',
    'density.feed.0',
    'density.changes.0',
  ];
  const REFUSED = [
    '$JS.API.STREAM.DELETE.READINGS',
    '$JS.API.STREAM.PURGE.TOPOLOGY',
    '$JS.API.STREAM.PURGE.KV_density_floor_plans',
    '$JS.API.STREAM.DELETE.OBJ_density_floor_plan_images',
    '$JS.API.STREAM.PURGE.CHECKPOINTS',
    '$JS.API.STREAM.UPDATE.TOPOLOGY',
    '$JS.API.STREAM.CREATE.OTHER',
    '$JS.API.STREAM.MSG.DELETE.READINGS',
    '$JS.API.STREAM.CREATE.$MQTT_msgs',
    '$JS.DEVICES.API.STREAM.CREATE.OTHER',
    '$JS.DEVICES.API.STREAM.INFO.$MQTT_sess',
    '$JS.DEVICES.API.STREAM.DELETE.$MQTT_msgs',
    '$JS.DEVICES.API.STREAM.PURGE.$MQTT_msgs',
    '$JS.DEVICES.API.STREAM.MSG.DELETE.$MQTT_msgs',
    '$JS.DEVICES.API.CONSUMER.CREATE.$MQTT_msgs.other.x',
    '$JS.DEVICES.API.CONSUMER.DELETE.$MQTT_msgs.density',
    '$JS.API.ACCOUNT.PURGE.x',
    '$SYS.REQ.SERVER.PING',
    'spaces.0',
    'other',
  ];
  test.each(NEEDED)('may publish to %s', async (subject) => expect(await mayPublish(service, subject)).toBe(true));
  test.each(REFUSED)('may not publish to %s', async (subject) =>
    expect(await mayPublish(service, subject)).toBe(false),
  );
  test.each(['>', 'dpu.>', 'spaces.0', '$JS.>', '$SYS.>'])('may not subscribe to %s directly', async (subject) =>
    expect(await maySubscribe(service, subject)).toBe(false),
  );
  test.each(['density.shards.0.owner', 'density.shards.0.standby', 'density.feed.0', 'density.changes.0'])(
    'may subscribe to other processes on %s',
    async (subject) => expect(await maySubscribe(service, subject)).toBe(true),
  );
  test('may subscribe to the answers to its questions', async () =>
    expect(await maySubscribe(service, '_INBOX.abc.*')).toBe(true));
});
