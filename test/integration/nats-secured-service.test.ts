// The whole service with its own credentials, over TLS, on a real server with the configuration of deploy/nats.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import mqtt from 'mqtt';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dpuCredentials, mqttDpuToken, serviceCredentials } from '../../src/nats/credentials.ts';
import { DEVICES_API, MQTT_MESSAGES } from '../../src/nats/mqtt-messages.ts';
import { eventually } from '../support/eventually.ts';
import { startDensity } from '../support/density-process.ts';
import { request, startLocalService, type LocalService } from '../support/local-service.ts';
import { startSecuredNats, type SecuredNats } from '../support/secured-nats.ts';

/** The server syncs every message to disk, as in production, so there are fewer ticks than elsewhere. */
const SYNCED = { TICK_INTERVAL_MS: '500' };

let nats: SecuredNats;
let admin: NatsConnection;
let service: NatsConnection;

beforeAll(async () => {
  nats = await startSecuredNats();
  admin = await nats.connect(await serviceCredentials(nats.keyring, 'admin'));
  service = await nats.connect(await serviceCredentials(nats.keyring, 'service'));
});

afterAll(async () => {
  for (const connection of [service, admin]) await connection?.close();
  await nats?.stop();
});

test('the whole service runs with its own credentials, over TLS, and counts the readings of a DPU', async () => {
  const credentialsFile = join(nats.dir, 'service.creds');
  await writeFile(credentialsFile, await serviceCredentials(nats.keyring, 'service'));
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

/**
 * Across the accounts: messages that MQTT acknowledged are looked up in READINGS, appended there, and then released.
 */
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
  // Through FORWARDED.
  await client.publishAsync('/dpu/7/readings', '[ ]', { qos: 0 });
  await eventually(async () => expect(await messagesOf7(manager)).toBe(before + 1));
  await manager.streams.update('READINGS', { max_msg_size: 1 });
  await client.publishAsync('dpu/7/readings', '[]', { qos: 1 });
  expect(await messagesOf7(manager)).toBe(before + 1);
  await manager.streams.update('READINGS', { max_msg_size: -1 });
  await eventually(async () => expect(await messagesOf7(manager)).toBe(before + 2));
  await eventually(async () => expect((await devices.streams.info(MQTT_MESSAGES)).state.messages).toBe(0));
  await client.endAsync(true);
}

async function messagesOf7(manager: JetStreamManager): Promise<number> {
  const { state } = await manager.streams.info('READINGS', { subjects_filter: 'readings.*.7.readings' });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}

/**
 * Leases, questions to owners and the change feed with the same rights: an API process, and one that takes over shards
 * and hands them back.
 */
async function othersJoin(running: LocalService, environment: Readonly<Record<string, string>>): Promise<void> {
  const api = startDensity(['run'], { ...environment, ROLE: 'api', NODE_NAME: 'asks' });
  const shards = startDensity(['run'], { ...environment, ROLE: 'shards', NODE_NAME: 'owns' });
  try {
    const [, url = ''] = await api.waitForOutput(/density-api is ready: (\S+)\/health/);
    await shards.waitForOutput(/density-api is ready/);
    await eventually(() => expect(running.service.cluster.isSettled).toBe(true));
    // Both halves of the building, so that each owner gets a question from another process.
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
