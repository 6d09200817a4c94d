// Devices that send a format of their own, over HTTP and NATS: what they send counts, and what cannot be read is kept.
import { readFile } from 'node:fs/promises';
import { jetstream, jetstreamManager, type JetStreamClient } from '@nats-io/jetstream';
import mqtt from 'mqtt';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEAD_LETTERS } from '../../src/nats/streams.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let nc: NatsConnection;
let js: JetStreamClient;

const payload = async (sample: string): Promise<Buffer> =>
  readFile(new URL(`../data/devices/${sample}`, import.meta.url));
const post = async (path: string, body: Buffer | string, type = 'application/json') => {
  const response = await fetch(`${service.url}/api/v1/ingest/${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': type },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
let doors = 0;
/** A space of its own, with a doorway that the DPU is above. */
async function spaceOf(dpu: string): Promise<number> {
  doors += 1;
  const space = await service.create('/spaces', { name: `Hall ${doors}` });
  const doorway = await service.create('/doorways', { name: `Door ${doors}`, ingress_space_id: space });
  expect((await service.send('POST', '/dpus', { id: dpu, doorway_id: doorway })).status).toBe(201);
  return space;
}
/** Who passed, by the readings of a DPU. */
const passedAt = async (dpu: string): Promise<[entrances: number, exits: number][]> => {
  const filter = encodeURIComponent(`dpu_id = '${dpu}'`);
  const { body } = await service.get(`/readings?sort=timestamp&filter=${filter}`);
  return (body as { entrances: number; exits: number }[]).map(({ entrances, exits }) => [entrances, exits]);
};
const letters = async (): Promise<{ reason: string; detail: string; items: number; data: Uint8Array }[]> => {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(DEAD_LETTERS);
  const found = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(DEAD_LETTERS, { seq });
    const header = (name: string): string => message?.header.get(name) ?? '';
    if (message)
      found.push({
        reason: header('reason'),
        detail: header('detail'),
        items: Number(header('items')),
        data: message.data,
      });
  }
  return found;
};

beforeAll(async () => {
  service = await startLocalService();
  nc = await connect({ servers: service.natsUrl });
  js = jetstream(nc);
});
afterAll(async () => {
  await nc?.close();
  await service?.dispose();
});

describe('a payload over HTTP', () => {
  it('counts for the lines of the device that it names, and counts once when it is sent again', async () => {
    const xml = await payload('hikvision-isapi/sample-3.xml');
    const first = await post('hikvision', xml, 'application/xml');
    expect(first).toEqual({
      status: 202,
      body: { device: '84:9a:40:aa:50:01', readings: 1, rejected: [], skipped: [] },
    });
    const space = await spaceOf('84:9a:40:aa:50:01/1');
    await eventually(async () => expect(await passedAt('84:9a:40:aa:50:01/1')).toEqual([[4, 6]]));
    expect(await post('hikvision', xml, 'application/xml')).toEqual(first);
    await eventually(async () => {
      const { body } = await service.get('/account');
      expect((body as { duplicate: number }).duplicate).toBe(1);
    });
    await eventually(async () =>
      expect((await service.get(`/counts/${space}/current`)).body).toMatchObject({ net: -2 }),
    );
    expect(await passedAt('84:9a:40:aa:50:01/1')).toHaveLength(1);
  });

  it('counts below the gateway that sent it, where the URL names one', async () => {
    const xml = await payload('hikvision-isapi/sample-3.xml');
    expect((await post('hikvision?device=gw', xml)).body).toMatchObject({ device: 'gw' });
    await spaceOf('gw/84:9a:40:aa:50:01/1');
    await eventually(async () => expect(await passedAt('gw/84:9a:40:aa:50:01/1')).toEqual([[4, 6]]));
  });

  it('is refused with the name of the field at fault', async () => {
    const crossing = { doorway_id: 'drw_1', direction: 1, timestamp: '2026-11-03T10:00:00Z' };
    const two = [crossing, { ...crossing, doorway_id: 'drw_2' }];
    for (const [path, body, field] of [
      ['nobody', '{}', 'adapter'],
      ['density', JSON.stringify(two), 'device'],
      ['density?device=a/b', JSON.stringify(crossing), 'device'],
      ['roode', 'Entry', 'device'],
    ] as const)
      expect(await post(path, body), path).toMatchObject({ status: 422, body: { errors: [{ path: field }] } });
    expect(await post('density', Buffer.alloc(1_000_001, '[')), 'too long').toMatchObject({ status: 413 });
  });

  it('becomes a dead letter where it cannot be read, and the rest of it counts', async () => {
    const crossing = { doorway_id: 'drw_7', direction: 1, timestamp: '2026-11-03T10:00:00Z' };
    const body = JSON.stringify([crossing, { ...crossing, direction: 2 }, { ...crossing, direction: 'x' }]);
    expect(await post('density', body)).toMatchObject({
      status: 202,
      body: { device: 'drw_7', readings: 1, rejected: [{ path: '[1].direction' }, { path: '[2].direction' }] },
    });
    await spaceOf('drw_7');
    await eventually(async () => {
      expect(await passedAt('drw_7')).toEqual([[1, 0]]);
      const found = (await letters()).find(({ reason }) => reason === 'bad_payload');
      expect(found).toMatchObject({ items: 2, detail: expect.stringContaining('[1].direction') as string });
      expect(Buffer.from(found?.data ?? []).toString()).toBe(body);
    });
  });
});

describe('a payload over NATS', () => {
  it('counts for the device that the subject names', async () => {
    await spaceOf('cam-1/1');
    const xml = await payload('hikvision-isapi/sample-3.xml');
    const own = xml.toString('utf8').replaceAll('84:9a:40:aa:50:01', 'cam-1');
    await js.publish('dpu.cam-1.hikvision', own);
    await eventually(async () => expect(await passedAt('cam-1/1')).toEqual([[4, 6]]));
  });

  it('counts the same when it is published to ingest.<adapter>.<device>, and over MQTT', async () => {
    const xml = (await payload('hikvision-isapi/sample-3.xml')).toString('utf8');
    for (const device of ['cam-2', 'cam-3']) await spaceOf(`${device}/1`);
    expect(await js.publish('ingest.hikvision.cam-2', xml.replaceAll('84:9a:40:aa:50:01', 'cam-2'))).toMatchObject({
      duplicate: false,
    });
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, { clientId: 'cam-3' });
    await client.publishAsync('ingest/hikvision/cam-3', xml.replaceAll('84:9a:40:aa:50:01', 'cam-3'), { qos: 1 });
    await client.endAsync();
    for (const device of ['cam-2', 'cam-3'])
      await eventually(async () => expect(await passedAt(`${device}/1`)).toEqual([[4, 6]]));
  });

  it('of a line is published to the subject of its device', async () => {
    await spaceOf('dev/north');
    const reading = { timestamp: '2026-11-03T10:00:00Z', direction: 1 };
    await js.publish('dpu.dev.readings', JSON.stringify({ ...reading, dpu_id: 'dev/north' }));
    await js.publish('dpu.dev=2Fnorth.readings', JSON.stringify(reading));
    await eventually(async () => {
      expect(await passedAt('dev/north')).toEqual([[1, 0]]);
      expect((await letters()).map(({ detail }) => detail)).toContainEqual(expect.stringContaining('names a line'));
    });
  });
});

describe('the options of a device', () => {
  const mapping = {
    kind: 'interval',
    time: '$.at',
    entrances: '$.in',
    exits: '$.out',
  };

  it('apply to what is stored after they are set', async () => {
    const send = async (at: string): Promise<unknown> =>
      (await post('mapping?device=shop', JSON.stringify({ at, in: 3, out: 1 }))).body;
    expect(await send('2026-11-03T10:00:00Z')).toMatchObject({ readings: 0, rejected: [{ path: 'kind' }] });
    const device = { adapter: 'mapping', options: mapping };
    expect(await service.send('PUT', '/devices/shop', device)).toMatchObject({
      status: 200,
      body: { id: 'shop', ...device },
    });
    expect(await send('2026-11-03T11:00:00Z')).toMatchObject({ device: 'shop', readings: 1, rejected: [] });
    await spaceOf('shop');
    await eventually(async () => expect(await passedAt('shop')).toEqual([[3, 1]]));
    const reversed = { adapter: 'mapping', options: { ...mapping, reversed: true } };
    expect((await service.send('PUT', '/devices/shop', reversed)).status).toBe(200);
    await send('2026-11-03T12:00:00Z');
    await eventually(async () =>
      expect(await passedAt('shop')).toEqual([
        [3, 1],
        [1, 3],
      ]),
    );
    expect((await service.get('/devices')).body).toMatchObject([{ id: 'shop', ...reversed }]);
    const { dead_lettered: dead } = (await service.get('/account')).body as { dead_lettered: number };
    expect((await service.send('DELETE', '/devices/shop')).status).toBe(204);
    expect(await send('2026-11-03T13:00:00Z')).toMatchObject({ readings: 0 });
    await eventually(async () =>
      expect((await service.get('/account')).body).toMatchObject({ dead_lettered: dead + 1 }),
    );
    expect((await service.get('/devices/shop')).status).toBe(404);
  });

  it('D2 are corrected, and what could not be read counts once when its dead letters are replayed', async () => {
    const narrow = {
      ...{ kind: 'event', time: '$.at', line: '$.door' },
      direction: { path: '$.way', entrance: ['in'], exit: ['out'] },
    };
    const accounted = async (): Promise<Record<string, number>> =>
      (await service.get('/account')).body as Record<string, number>;
    const replay = async (): Promise<unknown> =>
      (await service.send('POST', '/dead-letters/replay', { dpu_id: 'market', reason: 'bad_payload' })).body;
    const before = await accounted();
    const crossing = { at: '2026-11-03T10:00:00Z', door: 'n', way: 'IN' };
    await post('mapping?device=market', JSON.stringify(crossing));
    await eventually(async () =>
      expect(await accounted()).toMatchObject({ dead_lettered: (before['dead_lettered'] ?? 0) + 1 }),
    );
    expect(await replay()).toMatchObject({
      letters: 1,
      replayed: 0,
      not_replayed: [{ items: 1, detail: expect.stringContaining('mapping cannot read it') as string }],
    });
    expect((await service.send('PUT', '/devices/market', { adapter: 'mapping', options: narrow })).status).toBe(200);
    await post('mapping?device=market', JSON.stringify({ ...crossing, way: 'in' }));
    const wide = { ...narrow, direction: { ...narrow.direction, entrance: ['in', 'IN'] } };
    expect(await replay()).toMatchObject({ letters: 1, replayed: 0, not_replayed_count: 1 });
    expect((await service.send('PUT', '/devices/market', { adapter: 'mapping', options: wide })).status).toBe(200);
    await spaceOf('market/n');
    expect(await replay()).toEqual({
      ...{ letters: 1, replayed: 1, not_replayed_count: 0, not_replayed: [], dry_run: false },
    });
    expect(await replay()).toMatchObject({ replayed: 1, not_replayed_count: 0 });
    const reversed = { adapter: 'mapping', options: { ...wide, reversed: true } };
    expect((await service.send('PUT', '/devices/market', reversed)).status).toBe(200);
    expect(await replay()).toMatchObject({
      replayed: 0,
      not_replayed: [{ detail: expect.stringContaining('with other options of the device') as string }],
    });
    await eventually(async () => {
      expect(await passedAt('market/n')).toEqual([[1, 0]]);
      const { dead_lettered: dead = 0, duplicate = 0, remainder } = await accounted();
      // The replay, and its repetition, say what was read when the way was written differently.
      expect([dead - (before['dead_lettered'] ?? 0), duplicate - (before['duplicate'] ?? 0), remainder]).toEqual([
        1, 2, 0,
      ]);
    });
  });

  it('stay as they are when they are left out, end with null, and with another adapter', async () => {
    const put = async (body: object): Promise<unknown> => (await service.send('PUT', '/devices/kept', body)).body;
    const device = { adapter: 'mapping', options: mapping };
    expect(await put(device)).toMatchObject(device);
    expect(await put({ adapter: 'mapping', secret: 'a secret of 16 or more'.replaceAll(' ', '-') })).toMatchObject(
      device,
    );
    expect((await service.get('/devices/kept')).body).toMatchObject(device);
    expect(await put({ adapter: 'xovis' })).toMatchObject({ adapter: 'xovis', options: null });
    // The previous options do not come back, and a mapping needs options.
    const needed = { errors: expect.arrayContaining([expect.objectContaining({ path: 'options' })]) as unknown };
    expect(await put({ adapter: 'mapping' })).toMatchObject(needed);
    expect(await put({ adapter: 'xovis', options: { reversed: ['2'] } })).toMatchObject({
      options: { reversed: ['2'] },
    });
    expect(await put({ adapter: 'xovis', options: null })).toMatchObject({ options: null });
    await put(device);
    expect(await put({ adapter: 'mapping', options: null })).toMatchObject(needed);
    // Neither do those of a deleted device.
    expect((await service.send('DELETE', '/devices/kept')).status).toBe(204);
    expect(await put({ adapter: 'mapping' })).toMatchObject(needed);
  });

  it('are applied to what was rejected because of them', async () => {
    const options = { kind: 'event', time: '$.at', direction: { path: '$.way', entrance: ['in'], exit: ['out'] } };
    const put = async (zone: string): Promise<number> =>
      (await service.send('PUT', '/devices/tokyo', { adapter: 'mapping', options: { ...options, time_zone: zone } }))
        .status;
    const replay = async (): Promise<unknown> =>
      (await service.send('POST', '/dead-letters/replay', { dpu_id: 'tokyo', reason: 'future' })).body;
    await spaceOf('tokyo');
    expect(await put('UTC')).toBe(200);
    // A device in Tokyo, nine hours ahead, that writes no offset.
    const passedMs = Math.floor(Date.now() / 1_000) * 1_000 - 60_000;
    const local = new Date(passedMs + 9 * 3_600_000).toISOString().replace('Z', '');
    await post('mapping?device=tokyo', JSON.stringify({ at: local, way: 'in' }));
    await eventually(async () =>
      expect(await replay()).toMatchObject({ letters: 1, replayed: 0, not_replayed_count: 1 }),
    );
    expect(await put('Asia/Tokyo')).toBe(200);
    for (let times = 0; times < 2; times++)
      expect(await replay()).toMatchObject({ letters: 1, replayed: 1, not_replayed_count: 0 });
    await eventually(async () => {
      const readings = (await service.get(`/readings?filter=${encodeURIComponent("dpu_id='tokyo'")}`)).body;
      expect(readings).toMatchObject([{ timestamp: new Date(passedMs).toISOString(), direction: 1 }]);
    });
  });

  it('are refused with the option at fault', async () => {
    for (const [body, path] of [
      [{ adapter: 'nobody' }, 'adapter'],
      [{ adapter: 'mapping', options: { kind: 'interval', entrances: '$.in', exits: 7 } }, 'options.exits'],
      [{ adapter: 'xovis', options: { counter: 'x' } }, 'options.counter'],
    ] as const)
      expect(await service.send('PUT', '/devices/shop-2', body)).toMatchObject({
        status: 422,
        body: { errors: [{ path }] },
      });
    expect(await service.send('PUT', '/devices/a%2Fb', { adapter: 'xovis' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'id' }] },
    });
  });
});
