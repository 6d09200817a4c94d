// Exports on the real service: CSV of any length, and Parquet files that ClickHouse reads back.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { densityLines } from '../support/density-lines.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalService, type LocalService } from '../support/local-service.ts';

let service: LocalService;
let folder: string;
/** More than two pages. */
const READINGS = 11_000;
const START_MS = Date.UTC(2026, 2, 7, 8);
/** Its reading is ahead of the watermark, so it is not stored for some minutes. */
const AHEAD_MS = 240_000;
const PARQUET = 'application/vnd.apache.parquet';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-exports-'));
  service = await startLocalService({ PARTITIONS: '2' });
  await service.create('/spaces', { name: 'Hall', time_zone: 'Europe/Vienna', capacity: 10 });
  await service.create('/doorways', { name: 'front', egress_space_id: 1 });
  await service.send('POST', '/dpus', { id: 'a', doorway_id: 1 });
  const readings = Array.from({ length: READINGS }, (_, n) => ({
    dpu_id: 'a',
    timestamp: START_MS + n * 1_000,
    direction: n % 3 === 0 ? 1 : -1,
  }));
  readings.push({ dpu_id: 'held', timestamp: START_MS, direction: 1 });
  expect((await service.send('POST', '/readings/batch', readings)).status).toBe(202);
  const [first] = (await eventuallyReadings()) as [{ id: string }];
  expect((await service.send('DELETE', `/readings/${encodeURIComponent(first.id)}?reason=a%20test`)).status).toBe(200);
  await eventually(async () =>
    expect((await service.get(`/readings/${encodeURIComponent(first.id)}`)).body).toMatchObject({ deleted: true }),
  );
  const ahead = { dpu_id: 'a', timestamp: Date.now() + AHEAD_MS, entrances: 0, exits: 7 };
  expect((await service.send('POST', '/readings', ahead)).status).toBe(202);
  await eventually(async () =>
    expect((await service.get('/account')).body).toMatchObject({ accepted: READINGS + 2, remainder: 0 }),
  );
});
afterAll(async () => {
  await service?.dispose();
  if (folder) await rm(folder, { recursive: true });
});

async function eventuallyReadings(): Promise<unknown> {
  return eventually(async () => {
    const { headers, body } = await service.get('/readings?limit=1');
    expect(headers.get('x-total-count')).toBe(String(READINGS + 1));
    return body;
  });
}

async function exported(path: string, accept: string): Promise<Response> {
  const answer = await fetch(`${service.api}/exports/${path}`, { headers: { accept } });
  expect(answer.status, path).toBe(200);
  return answer;
}

async function csv(path: string): Promise<string[]> {
  return (await (await exported(path, 'text/csv')).text()).trimEnd().split('\n');
}

/** The result of a query over an exported file. */
async function readBack(path: string, select: string): Promise<unknown> {
  return asked(await saved(path), select);
}

async function saved(path: string): Promise<string> {
  const file = join(folder, 'export.parquet');
  await writeFile(file, Buffer.from(await (await exported(path, PARQUET)).arrayBuffer()));
  return file;
}

async function asked(file: string, select: string, where = '1'): Promise<unknown> {
  const query = `SELECT ${select} FROM file('${file}', Parquet) WHERE ${where} FORMAT JSONCompact`;
  const answer = await fetch(service.clickhouseUrl, { method: 'POST', body: query });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return (JSON.parse(text) as { data: unknown }).data;
}

it('exports readings as CSV', async () => {
  const lines = await csv('readings?tz=Europe/Vienna');
  expect(lines).toHaveLength(READINGS + 2);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.slice(0, 2)).toEqual([
    'id,dpu_id,timestamp,entrances,exits,direction,start,revision,total_entrances,total_exits,counter_epoch,doorway_id,excluded,deleted',
    `a~${START_MS}~+,a,2026-03-07T09:00:00.000+01:00,1,0,1,,,,,,,false,true`,
  ]);
  expect(await csv(`readings?filter=${encodeURIComponent("dpu_id = 'held'")}`)).toHaveLength(2);
});

it('exports readings as Parquet', async () => {
  const select = `toString(count()), uniqExact(id), countIf(deleted), countIf(doorway_id IS NULL), sum(entrances),
    sum(exits), toString(min(timestamp)), toString(max(timestamp)), countIf(direction IS NULL), countIf(excluded)`;
  const entrances = Math.ceil(READINGS / 3) + 1;
  const [row] = (await readBack('readings', select)) as [unknown[]];
  expect(row.map(String)).toEqual(
    [
      ...[READINGS + 1, READINGS + 1, 1, 2, entrances, READINGS + 1 - entrances],
      ...['2026-03-07 08:00:00.000', '2026-03-07 11:03:19.000', 0, 0],
    ].map(String),
  );
  expect(await readBack(`readings?filter=${encodeURIComponent("timestamp < '1999-01-01'")}`, 'count() = 0')).toEqual([
    [1],
  ]);
});

it('exports events with the count after each as CSV, unstored ones included', async () => {
  const lines = await csv('events/1?tz=space');
  expect(lines[0]).toBe('space_id,timestamp,count,net,delta,entrances,exits,reading_id,final');
  // Without the deleted one, and with the one that is ahead.
  expect(lines).toHaveLength(READINGS + 1);
  expect(new Set(lines).size).toBe(lines.length);
  const { body } = await service.get(`/counts/1/current?at=${new Date(Date.now() + AHEAD_MS).toISOString()}`);
  const { count, net } = body as { count: number; net: number };
  expect(lines.at(-1)).toMatch(new RegExp(`^1,[^,]+\\+0[12]:00,${count},${net},7,7,0,a~\\d+~0-7,false$`));
  expect(lines[1]).toBe(`1,2026-03-07T09:00:01.000+01:00,1,1,1,1,0,a~${START_MS + 1_000}~-,true`);
});

it('exports events as Parquet, unstored ones included', async () => {
  const { body } = await service.get(`/counts/1/current?at=${new Date(Date.now() + AHEAD_MS).toISOString()}`);
  const { net } = body as { net: number };
  const select = 'count(), sum(toInt64(entrances)) - sum(toInt64(exits)), any(space_id), max(entrances)';
  const [row] = (await readBack('events/1', select)) as [unknown[]];
  expect(row.map(Number)).toEqual([READINGS, net, 1, 7]);
  const minute = `start=${new Date(START_MS).toISOString()}&end=${new Date(START_MS + 60_000).toISOString()}`;
  const [few] = (await readBack(`events/1?${minute}`, 'count(), max(timestamp)')) as [unknown[]];
  expect(few.map(String)).toEqual(['59', '2026-03-07 08:00:59.000']);
});

it('exports more intervals than an answer may have', async () => {
  const span = 'start=2026-03-01T00:00:00Z&end=2026-03-11T00:00:00Z&interval=1m';
  expect((await service.get(`/counts/intervals?space_id=1&${span}`)).status).toBe(422);
  const lines = await csv(`intervals?space_id=1&${span}`);
  expect(lines).toHaveLength(14_401);
  expect(lines[0]).toBe('space_id,start,end,entrances,exits,min,max,count,utilization,final');
  const rows = lines.slice(1).map((line) => line.split(','));
  expect(rows.every((row, n) => n === 0 || row[1] === rows[n - 1]?.[2])).toBe(true);
  const { body } = await service.get(
    '/counts/intervals?space_id=1&start=2026-03-01T00:00:00Z&end=2026-03-11T00:00:00Z&interval=1d',
  );
  const days = body as { entrances: number; exits: number; count: number }[];
  for (const [column, name] of [
    [3, 'entrances'],
    [4, 'exits'],
  ] as const)
    expect(rows.reduce((sum, row) => sum + Number(row[column]), 0)).toBe(days.reduce((sum, day) => sum + day[name], 0));
  expect(Number(rows.at(-1)?.[7])).toBe(days.at(-1)?.count);
});

it('intervals as Parquet, in several row groups, are those of the CSV', async () => {
  await service.create('/spaces', { name: 'Office', time_zone: 'UTC' });
  const span = 'space_id=1,2&start=2026-02-20T00:00:00Z&end=2026-03-10T00:00:00Z&interval=1m';
  const lines = await csv(`intervals?${span}`);
  expect(lines).toHaveLength(2 * 18 * 1_440 + 1);
  const instant = (name: string): string => `formatDateTime(${name}, '%Y-%m-%dT%H:%i:%S.000Z')`;
  const columns = ['space_id', instant('start'), instant('end'), 'entrances', 'exits', 'min', 'max', 'count'];
  const line = `arrayStringConcat([${[...columns, "ifNull(toString(utilization), '')", 'final'].map((name) => `toString(${name})`).join()}], ',')`;
  const file = await saved(`intervals?${span}`);
  const rows = (await asked(file, line, '1 ORDER BY space_id, start')) as [string][];
  expect(rows).toHaveLength(lines.length - 1);
  expect(rows.find(([row], n) => row !== lines[n + 1])).toBeUndefined();
  // A condition on a column reads only the row groups whose statistics have such values.
  const noon = "space_id = 2 AND start = toDateTime64('2026-03-07 12:00:00.000', 3, 'UTC')";
  expect(await asked(file, 'count(), any(end)', noon)).toEqual([[1, '2026-03-07 12:01:00.000']]);
  expect(await asked(file, 'count()', 'entrances > 0 AND space_id = 1')).toEqual([
    [lines.filter((each) => /^1,[^,]+,[^,]+,[1-9]/.test(each)).length],
  ]);
  const [types] = (await asked(
    file,
    '[toTypeName(space_id), toTypeName(start), toTypeName(count), toTypeName(utilization), toTypeName(final)]',
    '1 LIMIT 1',
  )) as [[string[]]];
  expect(types[0]).toEqual(['UInt32', "DateTime64(3, 'UTC')", 'Int64', 'Nullable(Float64)', 'Bool']);
});

it('intervals as Parquet, those with events that are not stored included', async () => {
  const end = new Date(Date.now() + 2 * AHEAD_MS).toISOString();
  const [last] = (await readBack(`intervals?space_id=1&interval=1h&end=${end}`, 'max(entrances), sum(entrances)')) as [
    unknown[],
  ];
  expect(last.map(Number)).toEqual([7, 7]);
  const [never] = (await readBack(
    'intervals?space_id=1&interval=1w&start=9999-12-01T00:00:00Z&end=9999-12-31T00:00:00Z',
    'count(), toString(max(end))',
  )) as [unknown[]];
  expect(never).toEqual([5, '9999-12-31 23:59:59.999']);
});

it('from the command line, what the service answers', async () => {
  const day = ['--start', '2026-03-07T00:00:00Z', '--end', '2026-03-08T00:00:00Z'];
  const span = 'start=2026-03-07T00:00:00Z&end=2026-03-08T00:00:00Z';
  const file = join(folder, 'history.csv');
  for (const [args, path] of [
    [['events', '1', file, ...day], `events/1?${span}`],
    [
      ['intervals', '1', file, ...day, '--interval', '1h', '--tz', 'UTC'],
      `intervals?space_id=1&interval=1h&tz=UTC&${span}`,
    ],
    [
      ['readings', file, ...day, '--space', '1'],
      `readings?filter=${encodeURIComponent("doorway_id = 1 and timestamp < '2026-03-08'")}`,
    ],
  ] as const) {
    await densityLines(service.url, 'export', ...args);
    expect((await readFile(file, 'utf8')).trimEnd().split('\n').sort()).toEqual((await csv(path)).sort());
  }
  const parquet = join(folder, 'history.parquet');
  await densityLines(service.url, 'export', 'events', '1', parquet, ...day);
  expect(await asked(parquet, 'count()')).toEqual([[READINGS - 1]]);
});

it('what cannot be', async () => {
  expect((await service.get('/exports/events/9')).status).toBe(404);
  expect((await service.get('/exports/intervals?space_id=1,9')).status).toBe(404);
  const zoned = await fetch(`${service.api}/exports/readings?tz=UTC`, { headers: { accept: PARQUET } });
  expect(await zoned.json()).toMatchObject({ status: 422, errors: [{ path: 'tz' }] });
  const intervals = `${service.api}/exports/intervals?space_id=1&tz=UTC`;
  const zonedIntervals = await fetch(intervals, { headers: { accept: PARQUET } });
  expect(await zonedIntervals.json()).toMatchObject({ status: 422, errors: [{ path: 'tz' }] });
  const empty = await service.get('/exports/events/1?start=2026-03-01T00:00:00Z&end=2026-03-01T00:00:00Z');
  expect(empty.body).toMatchObject({ status: 422, errors: [{ path: 'start' }] });
});
