// The number of a space's events: from stored hours, or from the events where there are none.
//
// From the events, what was known at a place in the log is summed up from parts that differ in what an index lets ClickHouse skip,
// because the commit of a row takes as long to read as everything else that is counted. Up to the watermark of the place, few rows
// became known later: those of now are counted, and those that came later subtracted. After it, few were known, and they are counted
// themselves. Where the parts meet does not change their sum.
//
// ClickHouse may begin to read the parts one after the other. They agree, because all of them leave out blocks after the same one,
// and the rows of blocks up to it are stored and never change.
import type { ClickHouseClient } from '@clickhouse/client';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { EventCountQuery } from '../ports/event-pages.ts';
import { isForHours, planFor, type HoursQuestion, type StoredOfSpaces } from './hours-plan.ts';
import { instantParam, storable } from './instants.ts';
import { knownParams, knownRows, ROWS_SINCE } from './known-rows.ts';
import { plannedRows } from './planned-rows.ts';
import { queryRows } from './query-rows.ts';
import { versionsOf } from './segments-by-hour.ts';
import type { StoredBlocks } from './stored-blocks.ts';

/** Assertions minus retractions, of events in which somebody passed. */
const EVENTS = 'sumIf(sign, entrances + exits > 0)';
const NOW = knownRows({});

const part = (events: string, rows: string, since: string, until: string): string =>
  `SELECT ${events} AS events FROM space_events
  WHERE space_id = {space:UInt32} AND ${rows} AND timestamp >= ${instantParam(since)} AND timestamp ${until}`;
const [UP_TO_SPLIT, UP_TO_END] = [`<= ${instantParam('split')}`, `<= ${instantParam('to')}`];

export async function countEvents(
  client: ClickHouseClient,
  blocks: StoredBlocks,
  query: EventCountQuery,
): Promise<number> {
  const { spaceId, range, block, upTo } = query;
  const edgesMs = [Math.max(BEGINNING_MS, range.fromMs - 1), storable(range.toMs)];
  const question = { edgesMs, spaces: [{ spaceId, block }], upTo };
  if (!isForHours(question)) return countInParts(client, query);
  return blocks.using(question.spaces, async (stored) =>
    stored.size === 0 ? countInParts(client, query) : countWithHours(client, question, stored),
  );
}

async function countWithHours(
  client: ClickHouseClient,
  question: HoursQuestion,
  stored: StoredOfSpaces,
): Promise<number> {
  const { upTo } = question;
  const { events, hours, params } = plannedRows(await planFor(client, question, stored), upTo);
  const [row] = await queryRows<[number]>(
    client,
    `SELECT sum(events) FROM (
      SELECT ${EVENTS} AS events FROM space_events WHERE ${events}
      UNION ALL SELECT version.1 AS events FROM (${versionsOf('events', hours, upTo)}))`,
    params,
  );
  return Number(row?.[0] ?? 0);
}

async function countInParts(
  client: ClickHouseClient,
  { spaceId, range, block, upTo, watermarkMs }: EventCountQuery,
): Promise<number> {
  const [fromMs, toMs] = [Math.max(0, range.fromMs), storable(range.toMs)];
  // Without a place, all rows are those of now.
  const splitMs = upTo ? Math.min(watermarkMs, toMs) : toMs;
  const parts = [
    ...(splitMs >= fromMs ? [part(EVENTS, NOW, 'from', UP_TO_SPLIT)] : []),
    ...(splitMs >= fromMs && upTo ? [part(`-${EVENTS}`, ROWS_SINCE, 'from', UP_TO_SPLIT)] : []),
    ...(splitMs < toMs ? [part(EVENTS, knownRows({ upTo }), 'rest', UP_TO_END)] : []),
  ];
  if (parts.length === 0) return 0;
  const rest = Math.max(fromMs, splitMs + 1);
  const [row] = await queryRows<[number]>(client, `SELECT sum(events) FROM (${parts.join(' UNION ALL ')})`, {
    ...{ space: spaceId, from: fromMs, split: splitMs, rest, to: toMs },
    ...knownParams({ block, upTo }),
  });
  return Number(row?.[0] ?? 0);
}
