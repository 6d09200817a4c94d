// Event order is defined twice, by `compareEvents` and by the ORDER BY of SQL statements. Both must sort any two
// reading ids alike, and so must keyset paging, or pages would skip or repeat events.
import type { ClickHouseClient, QueryParams } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickHouseEventPages } from '../../src/clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { ClickHouseRecoveryRecords } from '../../src/clickhouse/recovery-records.ts';
import { ID_TAIL, idTailOf } from '../../src/clickhouse/id-tail.ts';
import { queryRows } from '../../src/clickhouse/query-rows.ts';
import { createTables } from '../../src/clickhouse/tables.ts';
import type { DpuId, SpaceId } from '../../src/domain/ids.ts';
import { END_MS, LATEST_STORABLE_MS } from '../../src/domain/instant.ts';
import { readingIdOf, type Reading } from '../../src/domain/reading.ts';
import { append, EMPTY_SEGMENT, segmentOf } from '../../src/domain/segment.ts';
import { compareEvents, type EventPlace } from '../../src/domain/space-event.ts';
import { directionOf, isMeasure, passedIn, personMeasure } from '../../src/domain/measure.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { instead } from '../support/instead.ts';

const SPACE = 1 as SpaceId;
const LATEST_SPACE = 2 as SpaceId;
const OTHER_SPACE = 3 as SpaceId;
const START_MS = Date.UTC(2026, 10, 10);
/** Ids that sort differently by locale, by case, and where one is a prefix of the other. */
const DPUS = ['a', 'A', 'b', 'B', 'Z', 'z', '0', '9', '10', '_', '-', 'a-', 'a_', 'aa', 'aA', 'a0', 'a.'] as DpuId[];
const NAMES = [undefined, 'a', 'A', 'a-', 'a_', '0', '10', '9', '_', '-'];

const READINGS: readonly Reading[] = [START_MS, START_MS + 1].flatMap((timestampMs) =>
  DPUS.flatMap((dpuId) =>
    NAMES.flatMap((name) =>
      ([1, -1] as const).map((direction) => ({
        dpuId,
        timestampMs,
        measure: personMeasure(direction),
        ...(name === undefined ? {} : { name }),
      })),
    ),
  ),
);
const ALL = { fromMs: 0, toMs: END_MS };

const placeOf = (reading: Reading): EventPlace => ({
  timestampMs: reading.timestampMs,
  readingId: readingIdOf(reading),
});
const inOrder = [...READINGS].sort((a, b) => compareEvents(placeOf(a), placeOf(b)));
const places = inOrder.map(placeOf);

let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  ({ client } = clickhouse);
  await createTables(client);
  // Neither in event order nor in one insert, so that the order comes from the statements alone.
  const shuffled = READINGS.map((reading, at) => [(at * 7919) % READINGS.length, reading] as const)
    .sort(([a], [b]) => a - b)
    .map(([, reading]) => reading);
  const half = shuffled.length / 2;
  for (const some of [shuffled.slice(0, half), shuffled.slice(half)]) await store(SPACE, some);
  await store(LATEST_SPACE, [{ dpuId: 'last' as DpuId, timestampMs: LATEST_STORABLE_MS, measure: personMeasure(1) }]);
});
afterAll(async () => {
  await clickhouse?.dispose();
});

async function store(spaceId: SpaceId, readings: readonly Reading[]): Promise<void> {
  await client.insert({
    table: 'space_events',
    format: 'JSONEachRow',
    columns: [
      'space_id',
      'timestamp_ms',
      'id_tail',
      'dpu_id',
      'doorway_id',
      'direction',
      'entrances',
      'exits',
      'is_egress',
      'sign',
      'is_reading',
      'shard',
      'block',
    ],
    values: readings.map((reading) => ({
      space_id: spaceId,
      timestamp_ms: reading.timestampMs,
      id_tail: idTailOf({ ...reading, readingId: readingIdOf(reading) }),
      dpu_id: reading.dpuId,
      doorway_id: 1,
      direction: directionOf(reading.measure),
      entrances: passedIn(reading.measure).entrances,
      exits: passedIn(reading.measure).exits,
      is_egress: 0,
      sign: 1,
      is_reading: 1,
      shard: 0,
      block: 1,
    })),
  });
}

const strip = (events: readonly EventPlace[]): EventPlace[] =>
  events.map(({ timestampMs, readingId }) => ({ timestampMs, readingId }));

async function walk<Item extends EventPlace>(
  page: (after: EventPlace | null) => Promise<{ readonly items: readonly Item[]; readonly end: EventPlace | null }>,
): Promise<EventPlace[]> {
  const found: Item[] = [];
  let pages = 0;
  for (let after: EventPlace | null = null; ; pages += 1) {
    const { items, end } = await page(after);
    found.push(...items);
    if (!end) break;
    after = end;
  }
  expect(pages).toBeGreaterThan(1);
  return strip(found);
}

describe('event order in SQL and in TypeScript', () => {
  it('T1 lists have the same order', async () => {
    expect(strip(await new ClickHouseHistory(client, 'log').events(SPACE, 0, END_MS, 1))).toEqual(places);
    const listed = await new ClickHouseEventPages(client).eventsOf([{ spaceId: SPACE, block: 1, afterMs: 0 }], ALL);
    expect(strip(listed.get(SPACE) ?? [])).toEqual(places);
  });

  it.each([false, true])('T1 pages of a space contain every event once (descending: %s)', async (desc) => {
    const pages = new ClickHouseEventPages(client);
    const found = await walk(async (after) => {
      const { events, end } = await pages.eventPage({ spaceId: SPACE, block: 1, range: ALL, after, desc, limit: 1 });
      return { items: events, end };
    });
    expect(found).toEqual(desc ? places.toReversed() : places);
  });

  it.each([false, true])('T1 pages of all spaces contain every event once (descending: %s)', async (desc) => {
    const pages = new ClickHouseEventPages(client);
    const range = { fromMs: 0, toMs: START_MS + 1 };
    const found = await walk(async (after) => {
      const items = await pages.spacesByTime({ range, after, desc, limit: 100 });
      return { items, end: items.at(-1) ?? null };
    });
    expect(found).toEqual(desc ? places.toReversed() : places);
  });

  it.each([false, true])('T1 pages of readings contain every reading once (descending: %s)', async (desc) => {
    const pages = new ClickHouseEventPages(client);
    const filter = { kind: 'compare', field: 'dpu_id', comparator: '!=', value: 'last' } as const;
    const found = await walk(async (after) => {
      const items = await pages.readings({ filter, sort: 'timestamp', desc, offset: 0, limit: 100, after });
      return { items, end: items.at(-1) ?? null };
    });
    expect(found).toEqual(desc ? places.toReversed() : places);
  });

  it('T1 pages of a repair contain every reading once', async () => {
    const records = new ClickHouseRecoveryRecords(client);
    const found = await walk(async (after) => {
      const { readings, end } = await records.allReadings(after, 100);
      return { items: readings.map(placeOf), end };
    });
    expect(found.filter(({ timestampMs }) => timestampMs < LATEST_STORABLE_MS)).toEqual(places);
  });

  it('pages are read in the order of their tables, so that they end at their limits', async () => {
    const asked: QueryParams[] = [];
    const recording = instead(client, {
      query: async (params) => {
        asked.push(params);
        return client.query(params);
      },
    });
    const pages = new ClickHouseEventPages(recording);
    const [after, blocks] = [places[100] ?? null, [1]];
    for (const desc of [false, true]) {
      await pages.eventPage({ spaceId: SPACE, block: 1, range: ALL, after, desc, limit: 1 });
      await pages.spacesByTime({ range: ALL, after, desc, limit: 100, blocks });
      await pages.readings({ filter: undefined, sort: 'timestamp', desc, offset: 0, limit: 100, after, blocks });
    }
    expect(asked).toHaveLength(6);
    for (const { query, query_params } of asked) {
      const lines = await queryRows<[string]>(client, `EXPLAIN PIPELINE ${query}`, query_params ?? {});
      const plan = lines.join('\n');
      expect(plan, query).toMatch(/InOrder|InReverseOrder/);
      expect(plan, query).not.toMatch(/FinishSorting|PartialSorting/);
    }
  });

  it('SQL computes the tails of ids that TypeScript stored, and the ids from the tails', async () => {
    const measures = ['+', '-', '5-3', '5-3-60000', '5-3-60000r2', 't105-99', 't105-99-7', '+@12_0'].filter(isMeasure);
    expect(measures.length).toBeGreaterThan(6);
    const readings = ['a', '10', 'a.', '~x', '=', '-'].flatMap((dpuId) =>
      measures.flatMap((measure) =>
        [undefined, 'n', '~', '.', 'a~1~+'].map((name) => ({
          ...{ dpuId: dpuId as DpuId, timestampMs: START_MS, measure },
          ...(name === undefined ? {} : { name }),
        })),
      ),
    );
    const previous = { ...readings[1], hasPreviousId: true } as Reading;
    await store(OTHER_SPACE, [...readings, previous]);
    const rows = await queryRows<[string, string, string]>(
      client,
      `SELECT id_tail, ${ID_TAIL}, reading_id FROM space_events WHERE space_id = ${OTHER_SPACE}`,
      {},
    );
    expect(rows.filter(([stored, computed]) => stored !== computed)).toEqual([]);
    expect(rows.map(([, , id]) => id).sort()).toEqual([...readings, previous].map(readingIdOf).sort());
    for (const table of ['space_events', 'readings', 'events_by_time'])
      await client.command({ query: `DELETE FROM ${table} WHERE space_id = ${OTHER_SPACE}` });
  });

  it('T1 a segment adds up events in the same order', async () => {
    const expected = inOrder.map(({ measure }) => segmentOf(passedIn(measure))).reduce(append, EMPTY_SEGMENT);
    const [found] = await new ClickHouseHistory(client, 'log').segments(SPACE, [START_MS - 1, START_MS + 1], 1);
    expect(found).toEqual(expected);
    // The order matters for these events: in reverse they pass through other counts.
    expect(
      inOrder
        .toReversed()
        .map(({ measure }) => segmentOf(passedIn(measure)))
        .reduce(append, EMPTY_SEGMENT),
    ).not.toEqual(expected);
  });
});

describe('the latest storable instant', () => {
  it('is stored unchanged, and found by queries without an end', async () => {
    const [history, pages] = [new ClickHouseHistory(client, 'log'), new ClickHouseEventPages(client)];
    const last = [{ timestampMs: LATEST_STORABLE_MS, readingId: `last~${LATEST_STORABLE_MS}~+` }];
    expect(strip(await history.events(LATEST_SPACE, 0, END_MS, 1))).toEqual(last);
    expect(await pages.countEvents({ spaceId: LATEST_SPACE, range: ALL, block: 1, watermarkMs: 0 })).toBe(1);
    expect(await pages.reading('last' as DpuId, last[0]?.readingId ?? '')).toMatchObject(last[0] ?? {});
    const filter = { kind: 'compare', field: 'timestamp', comparator: '<=', value: END_MS } as const;
    expect(await pages.countReadings(filter)).toBe(READINGS.length + 1);
    expect(new Date(LATEST_STORABLE_MS).toISOString()).toBe('2299-12-31T23:59:59.999Z');
  });
});
