// Who may do what on NATS and MQTT, tried out on a real server with the very configuration of deploy/nats.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { type Account, decode, encodeAccount } from '@nats-io/jwt';
import mqtt from 'mqtt';
import { headers, type NatsConnection, PermissionViolationError } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  densityToken,
  dpuCredentials,
  mqttDpuToken,
  publicKeyOf,
  seedsOf,
  serviceCredentials,
  systemCredentials,
} from '../../src/nats/credentials.ts';
import { DEVICES_API, hasDevicesAccount, MQTT_MESSAGES } from '../../src/nats/mqtt-messages.ts';
import { pushRevocations } from '../../src/nats/revocations.ts';
import { createStreams } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startDensity } from '../support/density-process.ts';
import { request, startLocalService, type LocalService } from '../support/local-service.ts';
import { environmentOf, startSecuredNats, type SecuredNats } from '../support/secured-nats.ts';

const OWN = ['dpu.7.readings', 'dpu.7.heartbeat'];
/** What no DPU may publish to, and none may hear. */
const OTHERS = [
  'dpu.8.readings',
  'dpu.8.heartbeat',
  'dpu.7',
  'dpu.7.other',
  'dpu.7.readings.more',
  'dpu.readings',
  'readings.0.7.readings',
  'readings.0.tick',
  'spaces.0',
  'routers.0',
  'topology.space.1',
  'dead.bad_json.1.0',
  'checkpoints.0.last',
  '$KV.density_leases.shard.0',
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

/** The server syncs every message to the disk, as in production: fewer marks of time than elsewhere. */
const SYNCED = { TICK_INTERVAL_MS: '500' };

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

const refusals = new Map<NatsConnection, string[]>();

function watchRefusals(connection: NatsConnection): string[] {
  const refused: string[] = [];
  refusals.set(connection, refused);
  void (async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        refused.push(status.error.subject);
    }
  })();
  return refused;
}

/** Tries to publish; the server answers in order, so that a refusal is here before the answer to a ping. */
async function mayPublish(
  connection: NatsConnection,
  subject: string,
  options: { reply?: string } = {},
): Promise<boolean> {
  const refused = refusals.get(connection) ?? watchRefusals(connection);
  refused.length = 0;
  connection.publish(subject, '{}', options);
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  return !refused.includes(subject);
}

async function maySubscribe(connection: NatsConnection, subject: string): Promise<boolean> {
  let isRefused = false;
  const subscription = connection.subscribe(subject, { callback: (error) => void (isRefused ||= error !== null) });
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  if (!isRefused) subscription.unsubscribe();
  return !isRefused;
}

async function messagesIn(stream: string): Promise<number> {
  return (await (await jetstreamManager(admin)).streams.info(stream)).state.messages;
}

describe('a DPU that speaks NATS', () => {
  test('publishes its own readings and heartbeats, and is told when they are stored', async () => {
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

  test.each(OTHERS)('may not publish to %s', async (subject) => {
    expect(await mayPublish(dpu, subject)).toBe(false);
  });

  test.each([...OWN, ...OTHERS, ...WILDCARDS])('may not hear %s', async (subject) => {
    expect(await maySubscribe(dpu, subject)).toBe(false);
  });

  test('cannot have an answer stored as if somebody else had sent it', async () => {
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
    // An own reading, acknowledged, comes after all of them.
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

  test('cannot make its message replace, expire or order others', async () => {
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

  test('gets no more than its payload, and is cut off when it tries', async () => {
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

  test('publishes its own readings at QoS 0 and 1; others and the API stay untouched, by a will, too', async () => {
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
      // Refused by silence at QoS 0; a server may also hang up.
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
    'may not hear %s',
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

  test('is refused with the password of nobody, with an expired one, and with the credentials of another transport', async () => {
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
    'density.shards.0.owner',
    'density.shards.0.standby',
    'density.feed.0',
    'density.changes.0',
  ];
  const REFUSED = [
    '$JS.API.STREAM.DELETE.READINGS',
    '$JS.API.STREAM.PURGE.TOPOLOGY',
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
  test.each(['>', 'dpu.>', 'spaces.0', '$JS.>', '$SYS.>'])('may not hear %s directly', async (subject) =>
    expect(await maySubscribe(service, subject)).toBe(false),
  );
  test.each(['density.shards.0.owner', 'density.shards.0.standby', 'density.feed.0', 'density.changes.0'])(
    'hears other processes on %s',
    async (subject) => expect(await maySubscribe(service, subject)).toBe(true),
  );
  test('hears the answers to its questions', async () =>
    expect(await maySubscribe(service, '_INBOX.abc.*')).toBe(true));
});

describe('who is let in', () => {
  test('nobody without credentials, with a guessed key, with the MQTT password over NATS, or expired', async () => {
    const forged = (await serviceCredentials(nats.keyring, 'service')).replace(
      /(SEED-----\s+)\S+/,
      '$1SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4',
    );
    const expired = await dpuCredentials(nats.keyring, '7', Math.floor(Date.now() / 1_000) - 60);
    for (const credentials of [undefined, forged, expired]) await expect(nats.connect(credentials)).rejects.toThrow();
  });

  test('a DPU id that would be another subject gets no credentials', async () => {
    for (const id of ['*', '>', 'a.b', '', '{{name()}}', 'a b'])
      await expect(dpuCredentials(nats.keyring, id), id).rejects.toThrow('id must be');
  });

  test('the system user sees servers, and no reading', async () => {
    const system = await nats.connect(await systemCredentials(nats.keyring));
    expect((await system.request('$SYS.REQ.SERVER.PING', '', { timeout: 60_000 })).json()).toMatchObject({
      server: { name: 'test' },
    });
    const heard: string[] = [];
    system.subscribe('dpu.>', { callback: (_error, message) => void heard.push(message.subject) });
    await system.flush();
    await jetstream(dpu).publish('dpu.7.readings', '{}');
    await system.flush();
    expect(heard).toEqual([]);
    await system.close();
  });

  test('revoked credentials end at once, and new ones of the same DPU work', async () => {
    const credentials = await dpuCredentials(nats.keyring, '13');
    const stolen = await nats.connect(credentials);
    const system = await nats.connect(await systemCredentials(nats.keyring));
    await pushRevocations(system, nats.keyring, { [publicKeyOf(credentials)]: Math.floor(Date.now() / 1_000) + 1 });
    await system.close();
    await stolen.closed();
    await expect(nats.connect(credentials)).rejects.toThrow();
    const fresh = await nats.connect(await dpuCredentials(nats.keyring, '13'), '_INBOX_dpu.13');
    expect((await jetstream(fresh).publish('dpu.13.readings', '{}')).stream).toBe('READINGS');
    await fresh.close();
  });
});

test('the configuration of one of three nodes is one that the server takes', async () => {
  const path = (name: string): string => join(nats.dir, name);
  const { stderr } = await promisify(execFile)(
    process.env['NATS_SERVER_BIN'] ?? 'nats-server',
    ['-t', '-c', path('nats-cluster.conf')],
    { env: environmentOf(path) },
  );
  expect(stderr).toContain('is valid');
});

test('`density nats` makes keys once, credentials for one DPU, and voids them on the servers', async () => {
  const keys = join(nats.dir, 'keys');
  const run = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, ['bin/density.js', 'nats', ...args, '--keys', keys], {
      env: { ...process.env, ...env },
    });
  await run(['init']);
  expect((await readdir(keys)).sort()).toEqual([
    'accounts.conf',
    'admin.creds',
    'keyring.json',
    'service.creds',
    'system.creds',
  ]);
  expect((await stat(join(keys, 'keyring.json'))).mode & 0o077).toBe(0);
  await expect(run(['init'])).rejects.toThrow('already contains keys');
  // The server of this test believes in other keys.
  await writeFile(join(keys, 'keyring.json'), JSON.stringify(seedsOf(nats.keyring)));
  await writeFile(join(keys, 'system.creds'), await systemCredentials(nats.keyring));
  const { stdout: credentials } = await run(['dpu', '21', '--days', '1']);
  const device = await nats.connect(credentials, '_INBOX_dpu.21');
  expect((await jetstream(device).publish('dpu.21.readings', '{}')).stream).toBe('READINGS');
  await writeFile(join(keys, '21.creds'), credentials);
  await run(['revoke', join(keys, '21.creds')], { NATS_URL: nats.url, NATS_CA_FILE: nats.caFile });
  await device.closed();
});

test('`density nats update` gives servers of an earlier version the rights of this one, and what was void stays void', async () => {
  const keys = join(nats.dir, 'keys-of-before');
  await mkdir(keys);
  const credentials = await dpuCredentials(nats.keyring, '22');
  await writeFile(join(keys, 'keyring.json'), JSON.stringify(seedsOf(nats.keyring)));
  await writeFile(join(keys, 'system.creds'), await systemCredentials(nats.keyring));
  await writeFile(
    join(keys, 'revoked.json'),
    JSON.stringify({ [publicKeyOf(credentials)]: Math.floor(Date.now() / 1_000) + 1 }),
  );
  const { nats: account } = decode<Account>(await densityToken(nats.keyring));
  const before = await encodeAccount(
    'DENSITY',
    nats.keyring.density,
    { ...account, imports: [] },
    { signer: nats.keyring.operator },
  );
  const system = await nats.connect(await systemCredentials(nats.keyring));
  await system.request('$SYS.REQ.CLAIMS.UPDATE', before, { timeout: 60_000 });
  await system.close();
  await eventually(async () => expect(await hasDevicesAccount(service)).toBe(false));
  await promisify(execFile)(process.execPath, ['bin/density.js', 'nats', 'update', '--keys', keys], {
    env: { ...process.env, NATS_URL: nats.url, NATS_CA_FILE: nats.caFile },
  });
  await eventually(async () => expect(await hasDevicesAccount(service)).toBe(true));
  expect(await readFile(join(keys, 'accounts.conf'), 'utf8')).toContain(nats.keyring.devices.getPublicKey());
  await expect(nats.connect(credentials)).rejects.toThrow();
});

test('the whole service runs on it with its own credentials, over TLS, and counts what a DPU sends', async () => {
  const credentialsFile = join(nats.dir, 'service.creds');
  await writeFile(credentialsFile, await serviceCredentials(nats.keyring, 'service'));
  const manager = await jetstreamManager(admin);
  for (const stream of ['READINGS', 'SPACE_EVENTS', 'TOPOLOGY', 'DEAD_LETTERS', 'CHECKPOINTS'])
    await manager.streams.delete(stream);
  const running = await startLocalService({
    NATS_URL: nats.url,
    NATS_CREDENTIALS_FILE: credentialsFile,
    NATS_CA_FILE: nats.caFile,
    PARTITIONS: '2',
    ...SYNCED,
  });
  try {
    await running.send('POST', '/spaces', { name: 'hall' });
    await running.send('POST', '/doorways', { name: 'door', ingress_space_id: 1, egress_space_id: null });
    await running.send('POST', '/dpus', { id: '7', doorway_id: 1 });
    const other = await nats.connect(await dpuCredentials(nats.keyring, '7'), '_INBOX_dpu.7');
    await jetstream(other).publish(
      'dpu.7.readings',
      JSON.stringify([
        { timestamp: Date.now(), direction: 1 },
        { timestamp: Date.now(), direction: 0 },
      ]),
    );
    await other.close();
    await running.send('POST', '/readings', { dpu_id: '7', timestamp: new Date().toISOString(), direction: 1 });
    await eventually(async () => {
      expect((await running.get('/counts/1/current')).body).toMatchObject({ count: 2 });
      expect((await running.get('/account')).body).toMatchObject({
        accepted: 3,
        applied: 2,
        dead_lettered: 1,
        dead_letters: { bad_direction: 1 },
        remainder: 0,
      });
    });
    await keepsWhatMqttAcknowledged();
    await othersJoin(running, {
      NATS_URL: nats.url,
      NATS_CREDENTIALS_FILE: credentialsFile,
      NATS_CA_FILE: nats.caFile,
      CLICKHOUSE_URL: running.clickhouseUrl,
      PARTITIONS: '2',
      ...SYNCED,
    });
  } finally {
    await running.dispose();
  }
}, 300_000);

/** Across the accounts: what MQTT acknowledged is looked for in READINGS, put there, and then let go of. */
async function keepsWhatMqttAcknowledged(): Promise<void> {
  const manager = await jetstreamManager(admin);
  const devices = await jetstreamManager(service, { apiPrefix: DEVICES_API, checkAPI: false });
  await eventually(async () => expect((await devices.streams.info(MQTT_MESSAGES)).state.consumer_count).toBe(1));
  const before = await messagesOf7(manager);
  const client = await mqtt.connectAsync(nats.mqttUrl, {
    username: 'dpu',
    password: await mqttDpuToken(nats.keyring, '7'),
    ca: nats.ca,
    clientId: 'keeps',
    protocolVersion: 4,
  });
  await manager.streams.update('READINGS', { max_msg_size: 1 });
  await client.publishAsync('dpu/7/readings', '[]', { qos: 1 });
  expect(await messagesOf7(manager)).toBe(before);
  await manager.streams.update('READINGS', { max_msg_size: -1 });
  await eventually(async () => expect(await messagesOf7(manager)).toBe(before + 1));
  await eventually(async () => expect((await devices.streams.info(MQTT_MESSAGES)).state.messages).toBe(0));
  await client.endAsync(true);
}

async function messagesOf7(manager: JetStreamManager): Promise<number> {
  const { state } = await manager.streams.info('READINGS', { subjects_filter: 'readings.*.7.readings' });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Leases, questions to owners and the change feed with the same rights: a process that only asks, and one that takes a shard over and gives it back. */
async function othersJoin(running: LocalService, environment: Readonly<Record<string, string>>): Promise<void> {
  const api = startDensity(['run'], { ...environment, ROLE: 'api', NODE_NAME: 'asks' });
  const shards = startDensity(['run'], { ...environment, ROLE: 'shards', NODE_NAME: 'owns' });
  try {
    const [, url = ''] = await api.said(/density-api is ready: (\S+)\/health/);
    await shards.said(/density-api is ready/);
    await eventually(() => expect(running.service.cluster.isSettled).toBe(true));
    // Both halves of the building, so that one of the questions crosses to each owner.
    await request(`${url}/spaces`, 'POST', { name: 'yard' });
    for (const [space, count] of [
      [1, 2],
      [2, 0],
    ])
      await eventually(async () =>
        expect((await request(`${url}/counts/${space}/current`, 'GET')).body).toMatchObject({ count }),
      );
    const stream = await eventually(async () => {
      const opened = await fetch(`${url}/counts/stream?space_id=1`);
      expect(opened.status).toBe(200);
      return opened;
    });
    const events = (stream.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    await eventually(async () => {
      heard += (await events.read()).value ?? '';
      expect(heard).toContain('"count":2');
    });
    expect(
      (await request(`${url}/readings`, 'POST', { dpu_id: '7', timestamp: new Date().toISOString(), direction: 1 }))
        .status,
    ).toBe(202);
    await eventually(async () => {
      heard += (await events.read()).value ?? '';
      expect(heard).toContain('"count":3');
    });
    await events.cancel();
  } finally {
    await Promise.all([api.end('SIGTERM'), shards.end('SIGTERM')]);
  }
  await eventually(async () => expect((await running.get('/counts/1/current')).body).toMatchObject({ count: 3 }));
  for (const process of [api, shards]) expect(process.output()).not.toMatch(/[Pp]ermission/);
}
