// From a device that nobody knows to its counts: what it sends is held, every process of the cluster lists it, and one
// call places it.
import { readFile } from 'node:fs/promises';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readConfig } from '../../src/config.ts';
import { tokenOfDpu, type DpuId } from '../../src/domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type Answer, type LocalService } from '../support/local-service.ts';

const SENSOR = '00:6E:02:AA:10:01';
const [NORTH, SOUTH] = [`${SENSOR}/2`, `${SENSOR}/4`];

let service: LocalService;
/** Owns no shard. */
let other: LocalService;
let nats: NatsConnection;

const unplaced = async (query = '', at = service): Promise<Answer> => at.get(`/unplaced-dpus${query}`);
const idsOf = ({ body }: Answer): string[] => (body as { id: string }[]).map(({ id }) => id);
const filter = (text: string): string => `?filter=${encodeURIComponent(text)}`;
const publish = async (dpu: string, ...times: string[]): Promise<unknown> =>
  jetstream(nats).publish(
    `dpu.${tokenOfDpu(dpu as DpuId)}.readings`,
    JSON.stringify(times.map((timestamp) => ({ timestamp, direction: 1 }))),
  );

beforeAll(async () => {
  service = await startLocalService({ PARTITIONS: '4' });
  other = await startLocalService({
    PARTITIONS: '4',
    ROLE: 'api',
    NATS_URL: service.natsUrl,
    CLICKHOUSE_URL: service.clickhouseUrl,
  });
  nats = await connect({ servers: service.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await other?.dispose();
  await service?.dispose();
});

describe('a device that nobody knows', () => {
  it('T9 is listed by every process with what is held for it, and counts once it is placed with one call', async () => {
    const push = await readFile(new URL('../data/devices/xovis-datapush5/sample-3.json', import.meta.url));
    const sent = await fetch(`${service.api}/ingest/xovis`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: push,
    });
    expect(sent.status).toBe(202);
    const { readings } = (await sent.json()) as { readings: number };
    const about = { device: SENSOR, adapter: 'xovis', registered: false, doorway_id: null };
    await eventually(async () => {
      for (const process of [service, other]) {
        const { status, headers, body } = await unplaced('', process);
        expect([status, headers.get('x-total-count')]).toEqual([200, '2']);
        expect(body).toMatchObject([
          { id: NORTH, ...about, first_reading_at: '2026-11-03T09:01:00.000Z' },
          { id: SOUTH, ...about, first_reading_at: '2026-11-03T09:01:00.000Z' },
        ]);
        expect((body as { held: number }[]).reduce((sum, { held }) => sum + held, 0)).toBe(readings);
      }
    });
    const space = await service.create('/spaces', { name: 'Hall' });
    const doorway = await service.create('/doorways', { name: 'Door', ingress_space_id: space });
    expect(await service.send('POST', '/dpus', { id: NORTH, doorway_id: doorway })).toMatchObject({ status: 201 });
    const passed = [3 - 1, 0, 2 - 4, 1].reduce((sum, net) => sum + net, 0);
    await eventually(async () =>
      expect((await service.get(`/counts/${space}/current`)).body).toMatchObject({
        net: passed,
        last_reading_at: '2026-11-03T09:04:00.000Z',
      }),
    );
    await eventually(async () => expect(idsOf(await unplaced('', other))).toEqual([SOUTH]));
  });

  it('T9 has only what it sent before a placement held', async () => {
    const [early, late, later] = ['2026-11-03T10:00:00.000Z', '2026-11-03T11:00:00.000Z', '2026-11-03T12:00:00.000Z'];
    await publish('late', early, late, later);
    await eventually(async () =>
      expect((await unplaced(filter("id = 'late'"))).body).toMatchObject([
        { adapter: null, held: 3, first_reading_at: early, last_reading_at: later },
      ]),
    );
    const [space] = [await service.create('/spaces', { name: 'Yard' })];
    const doorway = await service.create('/doorways', { name: 'Gate', ingress_space_id: space });
    await service.create('/dpus', { id: 'late', doorway_id: doorway, effective_at: late });
    await eventually(async () =>
      expect((await unplaced(filter("id = 'late'"))).body).toEqual([
        {
          ...{ id: 'late', device: 'late', adapter: null, registered: true, doorway_id: doorway },
          ...{ held: 1, first_reading_at: early, last_reading_at: early },
        },
      ]),
    );
    expect((await service.get(`/counts/${space}/current`)).body).toMatchObject({ net: 2 });
  });
});

describe('the list', () => {
  beforeAll(async () => {
    await publish('gw', '2026-11-04T10:00:00.000Z');
    await jetstream(nats).publish(
      'dpu.gw.readings',
      JSON.stringify([1, 2, 3].map((n) => ({ dpu_id: `gw/${n}`, timestamp: `2026-11-04T1${n}:00:00Z`, direction: 1 }))),
    );
    await publish('a.b', '2026-11-04T09:00:00.000Z', '2026-11-04T09:30:00.000Z');
    await service.send('PUT', '/devices/gw', { adapter: 'milesight' });
    await eventually(async () =>
      expect((await unplaced(filter("device in ('gw', 'a.b')"))).headers.get('x-total-count')).toBe('5'),
    );
  });

  it('has pages, an order, and filters', async () => {
    const some = "device in ('gw', 'a.b')";
    const first = await unplaced(`${filter(some)}&sort=last_reading_at&desc=true&limit=2`);
    expect(idsOf(first)).toEqual(['gw/3', 'gw/2']);
    expect(first.headers.get('link')).toContain('offset=2');
    const rest = await unplaced(`${filter(some)}&sort=last_reading_at&desc=true&limit=4&offset=2`);
    expect([idsOf(rest), rest.headers.get('x-total-count')]).toEqual([['gw/1', 'gw', 'a.b'], '5']);
    expect(idsOf(await unplaced(filter(`${some} and held > 1`)))).toEqual(['a.b']);
    expect(idsOf(await unplaced(filter("device = 'gw' and last_reading_at >= '2026-11-04T12:00:00Z'")))).toEqual([
      'gw/2',
      'gw/3',
    ]);
    expect(idsOf(await unplaced(`${filter(some)}&sort=device`))).toEqual(['a.b', 'gw', 'gw/1', 'gw/2', 'gw/3']);
    expect((await unplaced(filter("adapter = 'xovis'"))).status).toBe(422);
  });

  it('names no adapter where the device sends readings itself, whatever its options', async () => {
    const { body } = await unplaced(filter("id = 'gw/1'"));
    expect(body).toMatchObject([{ device: 'gw', adapter: null }]);
  });

  it('has the total on a page beyond the last one too', async () => {
    const some = filter("device in ('gw', 'a.b')");
    for (const offset of [5, 500]) {
      const { headers, body } = await unplaced(`${some}&offset=${offset}`);
      expect([body, headers.get('x-total-count')]).toEqual([[], '5']);
    }
    const none = await unplaced(filter("id = 'nobody'"));
    expect([none.body, none.headers.get('x-total-count')]).toEqual([[], '0']);
  });

  it('names the adapter of the newest payload, although a heartbeat and readings came after it', async () => {
    const [device, js] = ['x.1', jetstream(nats)];
    const token = tokenOfDpu(device as DpuId);
    const crossing = (second: number): string =>
      JSON.stringify({ doorway_id: device, direction: 1, timestamp: `2026-11-05T10:00:0${second}Z` });
    const adapter = async (): Promise<unknown> =>
      ((await unplaced(filter(`device = '${device}'`))).body as { adapter: string | null }[]).map((dpu) => dpu.adapter);
    await js.publish(`dpu.${token}.density`, crossing(1));
    await publish(device, '2026-11-05T09:00:00.000Z');
    await js.publish(`dpu.${token}.heartbeat`, '');
    await eventually(async () => expect(await adapter()).toEqual(['density']));
    await js.publish(`ingest.roode.${token}.sensor.last_direction.state`, 'Entry');
    await eventually(async () => expect(await adapter()).toEqual(['roode']));
    await js.publish(`ingest.density.${token}`, crossing(2));
    await js.publish(`dpu.${token}.heartbeat`, '');
    await eventually(async () => expect(await adapter()).toEqual(['density']));
  });

  it('is printed by density dpus unplaced', async () => {
    const out: string[] = [];
    const program = createProgram({
      readConfig: () => readConfig({}),
      printLine: (line) => out.push(line),
      warn: () => undefined,
      finish: () => undefined,
    });
    await program.parseAsync(['node', 'density', 'dpus', 'unplaced', '--url', service.url]);
    expect(out[0]).toMatch(/^id +adapter +registered +doorway +held +first reading +newest reading$/);
    expect(out.find((line) => line.startsWith(SOUTH))).toMatch(/ {2}xovis +no +- +\d+ +2026-11-03T09:01:00\.000Z {2}/);
    expect(out).toHaveLength(1 + ['a.b', 'gw', 'gw/1', 'gw/2', 'gw/3', 'late', 'x.1', SOUTH].length);
  });
});
