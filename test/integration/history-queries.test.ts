// How many queries a question about history takes, on the real engine. Each costs ClickHouse some milliseconds, however little it reads.
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { connectClickHouse } from '../../src/clickhouse/connect.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { createTables } from '../../src/clickhouse/tables.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/zone.ts';
import { segmentsOfRows } from '../simulation/engines/events-of-spaces.ts';
import type { StoredRow } from '../simulation/engines/events-of-rows.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { personEvent } from '../support/person-event.ts';

const [SPACE, SHARD] = [1 as SpaceId, 0 as Partition];
const START_MS = Date.UTC(2026, 2, 1);
const DAYS = 5;
/** Up to the middle of an hour. */
const UP_TO_NOW = [-1, START_MS + DAYS * DAY_MS + HOUR_MS / 2];
const UP_TO_MIDNIGHT = [-1, START_MS + (DAYS - 1) * DAY_MS - 1];

let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;
let history: ClickHouseHistory;
let rows: StoredRow[] = [];
let block = 0;
/** How many queries were sent while no answer had arrived since: questions that wait for each other are one after the other. */
let rounds: number[] = [];
let rowsRead = 0;

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  client = await connectClickHouse(clickhouse.url);
  await createTables(client);
}, 120_000);

afterAll(async () => {
  await client?.close();
  await clickhouse?.dispose();
});

beforeEach(async () => {
  for (const table of ['stored_hours', 'segments_by_hour', 'space_events'])
    await client.command({ query: `TRUNCATE TABLE ${table}` });
  history = new ClickHouseHistory(counting(client), `log ${block}`);
  rows = [];
  await store(...Array.from({ length: DAYS * 24 }, (_, hour) => START_MS + hour * HOUR_MS + 600_000));
  await history.storeHours(SHARD, block);
});

/** The client, which notes each query in `rounds`. */
function counting(real: ClickHouseClient): ClickHouseClient {
  let hasAnswered = true;
  return new Proxy(real, {
    get: (target, member): unknown => {
      const value: unknown = Reflect.get(target, member);
      if (member !== 'query') return typeof value === 'function' ? value.bind(target) : value;
      return async (params: Parameters<ClickHouseClient['query']>[0]) => {
        if (hasAnswered) rounds.push(0);
        rounds.push((rounds.pop() ?? 0) + 1);
        hasAnswered = false;
        const result = await target.query(params);
        hasAnswered = true;
        const text = result.text.bind(result);
        result.text = async () => {
          const found = await text();
          rowsRead += found.split('\n').length - 1;
          return found;
        };
        return result;
      };
    },
  });
}

async function store(...instants: number[]): Promise<void> {
  block += 1;
  const events = instants.map((timestampMs, n): LoggedEvent => {
    const place = { spaceId: SPACE, dpuId: `d${block}` as DpuId, doorwayId: 1 as DoorwayId, timestampMs };
    return loggedEvent(personEvent({ ...place, sign: 1, primary: true }, n % 3 === 0 ? -1 : 1), n + 1);
  });
  const mark = { seq: instants.length, commitId: `c${block}`, cutMs: block, completeSeq: instants.length };
  await history.storeBlock(blockOf(0, SHARD, block, events, mark));
  rows.push(...events.map((event) => ({ ...event, block })));
}

/** Asks, and checks the answer. @returns the queries sent at the same time, for each time that something was awaited */
async function asked(edgesMs: readonly number[]): Promise<number[]> {
  rounds = [];
  const found = await history.segments(SPACE, edgesMs, block);
  expect(found).toEqual(segmentsOfRows(rows, edgesMs, { block }));
  return rounds;
}

it('T29 hours that are stored are one query, once it is known that they are', async () => {
  expect(await asked(UP_TO_MIDNIGHT)).toEqual([1, 1]);
  // And at the same time, whether they still are.
  expect(await asked(UP_TO_MIDNIGHT)).toEqual([2]);
});

it('T29 events are asked for at the same time as hours', async () => {
  await store(START_MS + 30 * HOUR_MS + 1, UP_TO_NOW[1] ?? 0);
  expect(await asked(UP_TO_NOW)).toEqual([1, 1, 1]);
  expect(await asked(UP_TO_NOW)).toEqual([3]);
  await store(START_MS + 30 * HOUR_MS + 2);
  expect(await asked(UP_TO_NOW)).toEqual([3]);
});

it('T29 events are asked for again when more hours have changed than expected', async () => {
  await store(START_MS + 30 * HOUR_MS);
  await asked(UP_TO_NOW);
  await store(START_MS + 50 * HOUR_MS);
  expect(await asked(UP_TO_NOW)).toEqual([3, 1]);
  expect(await asked(UP_TO_NOW)).toEqual([3]);
});

it('T29 hours that another process has stored since change nothing', async () => {
  await asked(UP_TO_NOW);
  await store(START_MS + 30 * HOUR_MS, START_MS + 50 * HOUR_MS + 1);
  await new ClickHouseHistory(client, 'other').storeHours(SHARD, block);
  await store(START_MS + 50 * HOUR_MS + 2);
  await asked(UP_TO_NOW);
  await asked(UP_TO_NOW);
});

it('T29 hours that somebody empties while a process runs change nothing', async () => {
  await asked(UP_TO_MIDNIGHT);
  for (const table of ['stored_hours', 'segments_by_hour']) await client.command({ query: `TRUNCATE TABLE ${table}` });
  await asked(UP_TO_MIDNIGHT);
});

it('T29 hours that are restored as they were at an earlier time change nothing', async () => {
  const before = block;
  await store(START_MS + 30 * HOUR_MS + 5);
  await history.storeHours(SHARD, block);
  await asked(UP_TO_MIDNIGHT);
  for (const table of ['stored_hours', 'segments_by_hour'])
    await client.command({ query: `DELETE FROM ${table} WHERE block > ${before}` });
  await asked(UP_TO_MIDNIGHT);
});

it('T29 of an hour that was stored again and again, only the newest version is read', async () => {
  const versions = 5;
  for (let n = 0; n < versions; n++) {
    await store(...Array.from({ length: DAYS * 24 }, (_, hour) => START_MS + hour * HOUR_MS + 700_000 + n));
    await history.storeHours(SHARD, block);
  }
  await asked(UP_TO_MIDNIGHT);
  rowsRead = 0;
  await asked(UP_TO_MIDNIGHT);
  expect(rowsRead).toBeLessThan(DAYS * 24 + 10);
});

it('T29 a short span is one query', async () => {
  const [, nowMs = 0] = UP_TO_NOW;
  expect(await asked([nowMs - DAY_MS, nowMs])).toEqual([1]);
});
