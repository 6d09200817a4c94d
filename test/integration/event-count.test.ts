// The number of events that were known at a place, over enough rows that ClickHouse skips some of them: it is that of the rows
// counted one by one, wherever the place and the watermark are.
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { ClickHouseEventPages } from '../../src/clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../../src/clickhouse/history.ts';
import { createTables } from '../../src/clickhouse/tables.ts';
import type { TimeRange } from '../../src/domain/filter.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { isKnownAt, type LogPlace } from '../../src/domain/log-place.ts';
import { ClickHouseAlone } from '../support/clickhouse-alone.ts';
import { personEvent } from '../support/person-event.ts';

const [SPACE, OTHER] = [1, 2] as SpaceId[] as [SpaceId, SpaceId];
const START_MS = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const READINGS = 30_000;
const ROWS_PER_BLOCK = 3_000;
const LAST_MS = START_MS + READINGS * 60_000;
const ALL: TimeRange = { fromMs: 0, toMs: END_MS };

interface StoredRow {
  readonly row: LoggedEvent;
  readonly epoch: number;
}

/** In the order of the log. A repair began the second epoch in the middle of it. */
function rowsInLog(): StoredRow[] {
  const rows: StoredRow[] = [];
  const add = (epoch: number, seq: number, n: number, sign: 1 | -1, spaceId = SPACE): void => {
    const place = {
      spaceId,
      dpuId: `d${n % 3}` as DpuId,
      doorwayId: 1 as DoorwayId,
      timestampMs: START_MS + n * 60_000,
    };
    const event = personEvent({ ...place, sign, primary: true }, n % 2 === 0 ? 1 : -1);
    // In some events, as in a first standing, nobody passed.
    rows.push({ row: loggedEvent(n % 50 === 7 ? { ...event, entrances: 0, exits: 0 } : event, seq), epoch });
  };
  const half = READINGS / 2;
  for (let n = 0; n < READINGS; n++) {
    const [epoch, seq] = n < half ? [0, 2 * n + 1] : [1, 2 * (n - half) + 1];
    // One of twenty is 2,000 readings late.
    if (n % 20 !== 3) add(epoch, seq, n, 1);
    if (n % 20 === 3 && n >= 2_000) add(epoch, seq, n - 2_000, 1);
    if (n % 5 === 0) add(epoch, seq, n, 1, OTHER);
  }
  // What a move took away much later, and brought back.
  for (const [sign, from] of [
    [-1, half],
    [1, half + 10_000],
  ] as const)
    for (let n = 10_000; n < 14_000; n++) if (n % 3 === 1 && n % 20 !== 3) add(1, from + READINGS, n, sign);
  return rows;
}

let clickhouse: ClickHouseAlone;
let client: ClickHouseClient;
/** By block, from block 1 on. */
const blocks: StoredRow[][] = [];

beforeAll(async () => {
  clickhouse = await ClickHouseAlone.start();
  ({ client } = clickhouse);
  await createTables(client);
  const history = new ClickHouseHistory(client, 'log');
  const rows = rowsInLog();
  for (const epoch of [0, 1]) {
    const some = rows.filter((each) => each.epoch === epoch);
    for (let at = 0; at < some.length; at += ROWS_PER_BLOCK) {
      const block = some.slice(at, at + ROWS_PER_BLOCK);
      blocks.push(block);
      const mark = { seq: block.at(-1)?.row.seq ?? 0, commitId: `c${blocks.length}`, cutMs: START_MS + blocks.length };
      await history.storeBlock(
        blockOf(
          epoch,
          0 as Partition,
          blocks.length,
          block.map(({ row }) => row),
          mark,
        ),
      );
    }
  }
  await client.command({ query: 'OPTIMIZE TABLE space_events FINAL' });
});
afterAll(async () => {
  await clickhouse?.dispose();
});

function countedOneByOne({ fromMs, toMs }: TimeRange, block: number, upTo: LogPlace): number {
  return blocks
    .slice(0, block)
    .flat()
    .filter(({ row, epoch }) => row.spaceId === SPACE && isKnownAt({ epoch, seq: row.seq }, upTo))
    .filter(
      ({ row: { timestampMs, entrances, exits } }) =>
        timestampMs >= fromMs && timestampMs <= toMs && entrances + exits > 0,
    )
    .reduce((total, { row }) => total + row.sign, 0);
}

it.each<[where: string, upTo: LogPlace, watermarkMs: number]>([
  ['before everything', { epoch: 0, seq: 0 }, -1],
  ['early', { epoch: 0, seq: 1_500 }, START_MS + 12 * HOUR_MS],
  ['at the end of the first epoch', { epoch: 0, seq: READINGS }, START_MS + (READINGS / 2) * 60_000],
  ['shortly before a move', { epoch: 1, seq: READINGS + READINGS / 2 - 1 }, LAST_MS],
  ['between a move and the next', { epoch: 1, seq: READINGS + READINGS / 2 }, LAST_MS],
  ['newest', { epoch: 1, seq: 3 * READINGS }, LAST_MS],
])('T26 the number of events is exact at a place %s', async (_, upTo, watermarkMs) => {
  const pages = new ClickHouseEventPages(client);
  for (const block of [blocks.length, 4]) {
    const whole = countedOneByOne(ALL, block, upTo);
    // The second and third are not the place's.
    for (const someMs of [watermarkMs, START_MS + 11_111 * 60_000, END_MS])
      expect(await pages.countEvents({ spaceId: SPACE, range: ALL, block, upTo, watermarkMs: someMs })).toBe(whole);
    const day = { fromMs: START_MS + 170 * HOUR_MS, toMs: START_MS + 194 * HOUR_MS };
    expect(await pages.countEvents({ spaceId: SPACE, range: day, block, upTo, watermarkMs })).toBe(
      countedOneByOne(day, block, upTo),
    );
  }
});

it('T26 the places differ in their number of events, and ClickHouse skips rows for them', async () => {
  const counts = [1_500, READINGS].map((seq) => countedOneByOne(ALL, blocks.length, { epoch: 0, seq }));
  const moved = [-1, 0, 10_000].map((after) =>
    countedOneByOne(ALL, blocks.length, { epoch: 1, seq: READINGS + READINGS / 2 + after }),
  );
  expect(new Set([...counts, ...moved.slice(0, 2)]).size).toBe(4);
  expect(moved[2]).toBe(moved[0]);
  const result = await client.query({
    query: `EXPLAIN indexes = 1 SELECT count() FROM space_events WHERE space_id = 1 AND NOT (epoch < 1 OR (epoch = 1 AND commit_seq <= ${READINGS + READINGS / 2}))`,
    format: 'TabSeparatedRaw',
  });
  const [, granules, all] = /known_at[^]*?Granules: (\d+)\/(\d+)/.exec(await result.text()) ?? [];
  expect(Number(granules)).toBeLessThan(Number(all));
});
