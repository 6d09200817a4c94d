// The stored events of spaces in one query, each divided at an instant of its own, and up to a block of its own.
import type { ClickHouseClient } from '@clickhouse/client';
import { slotOf } from '../domain/hours.ts';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { EMPTY_SEGMENT, type Segment } from '../domain/segment.ts';
import type { DividedRequest, HistoryEvent } from '../ports/history.ts';
import { composedSegments } from './composed-hours.ts';
import { EVENT_ORDER } from './event-order.ts';
import { isForHours, planFor, type HoursQuestion, type PlannedSpace, type StoredOfSpaces } from './hours-plan.ts';
import { instantParam, storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import { isTooMuchTogether, plannedRows } from './planned-rows.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';
import { segmentRows, toSegment, type SegmentRow, type SpaceGap } from './segment-query.ts';
import { segmentsByHour } from './segments-by-hour.ts';
import type { StoredBlocks } from './stored-blocks.ts';

const MS = 'toUnixTimestamp64Milli(timestamp)';
const IN_SPAN = `timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('last')}`;

/** By space, one segment for each range between edges. */
export async function segmentsOfSpaces(
  client: ClickHouseClient,
  blocks: StoredBlocks,
  asked: HoursQuestion,
): Promise<Map<SpaceId, Segment[]>> {
  const { spaces } = asked;
  if (spaces.length === 0) return new Map();
  const question = { ...asked, edgesMs: asked.edgesMs.map(storable) };
  if (!isForHours(question)) return fromEvents(client, question);
  return blocks.using(spaces, async (stored) => {
    if (stored.size > 0 && hoursIn(question, stored) <= blocks.limits.readMax)
      return composedSegments(client, blocks, question, stored);
    const plans = stored.size > 0 ? await planFor(client, question, stored) : undefined;
    if (spaces.length > 1 && (await isTooMuch(client, question, plans))) {
      const found = new Map<SpaceId, Segment[]>();
      for (const space of spaces)
        for (const [spaceId, segments] of await segmentsOfSpaces(client, blocks, { ...asked, spaces: [space] }))
          found.set(spaceId, segments);
      return found;
    }
    if (!plans) return fromEvents(client, question);
    return toSegments(question, await segmentsByHour(client, plans, question.edgesMs, asked.upTo));
  });
}

async function fromEvents(client: ClickHouseClient, question: HoursQuestion): Promise<Map<SpaceId, Segment[]>> {
  const { events, params } = ofEvents(question);
  return toSegments(question, await segmentRows(client, question.spaces, events, params, question.edgesMs));
}

async function isTooMuch(
  client: ClickHouseClient,
  question: HoursQuestion,
  plans: readonly PlannedSpace[] | undefined,
): Promise<boolean> {
  return isTooMuchTogether(client, plans ?? [], plans ? plannedRows(plans, question.upTo) : ofEvents(question));
}

/** At most how many stored hours a question reads. What was known at a place may need any version of an hour. */
function hoursIn({ edgesMs, upTo }: HoursQuestion, stored: StoredOfSpaces): number {
  const slots = upTo ? Infinity : slotOf(edgesMs.at(-1) ?? 0) - slotOf(edgesMs[0] ?? 0) + 1;
  return [...stored.values()].reduce((sum, { versions }) => sum + Math.min(versions, slots), 0);
}

function toSegments(
  { spaces, edgesMs }: HoursQuestion,
  rows: readonly SegmentRow<SpaceGap>[],
): Map<SpaceId, Segment[]> {
  const gaps = new Map(edgesMs.map((edge, gap) => [edge, gap]));
  const found = new Map(spaces.map(({ spaceId }) => [spaceId, edgesMs.slice(1).map(() => EMPTY_SEGMENT)]));
  for (const row of rows) {
    const [segments, gap] = [found.get(Number(row[0][0]) as SpaceId), gaps.get(Number(row[0][1]))];
    if (segments && gap !== undefined) segments[gap] = toSegment(row);
  }
  return found;
}

/** A condition for all that is asked for. */
function ofEvents({ edgesMs, spaces, upTo }: HoursQuestion): { events: string; params: Record<string, unknown> } {
  const [firstMs, lastMs] = [edgesMs[0] ?? 0, edgesMs.at(-1) ?? 0];
  const bounds = { first: Math.max(BEGINNING_MS, firstMs), ...upToParams(upTo) };
  const [one] = spaces;
  // ClickHouse plans a query about one space in less time.
  if (one && spaces.length === 1)
    return {
      events: `space_id = {space:UInt32} AND ${IN_SPAN} AND ${knownRows({ upTo })}`,
      params: { ...bounds, space: one.spaceId, block: one.block, last: Math.min(one.untilMs ?? Infinity, lastMs) },
    };
  const untils = spaces.map((space) => storable(space.untilMs ?? Infinity));
  return {
    events: `${OF_SPACES} AND ${IN_SPAN} AND ${MS} <= ${ofItsSpace('untils', 'Int64')} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}`,
    params: { ...bounds, ...spacesParams(spaces), untils, last: lastMs },
  };
}

export async function eventsOfSpaces(
  client: ClickHouseClient,
  spaces: readonly DividedRequest[],
  upToMs: number,
): Promise<Map<SpaceId, HistoryEvent[]>> {
  const found = new Map<SpaceId, HistoryEvent[]>(spaces.map(({ spaceId }) => [spaceId, []]));
  if (spaces.length === 0) return found;
  const after = spaces.map(({ spaceId, block, dividedMs }) => {
    const events = [{ afterMs: dividedMs, upToMs }];
    return { spaceId, block, storedBlock: 0, plan: { slots: [], events } };
  });
  const asked = plannedRows(after, undefined);
  const rows = await queryRows<[number, string, string, string, string]>(
    client,
    `SELECT space_id, ${MS}, reading_id, sum(toInt64(entrances) * sign) AS into, sum(toInt64(exits) * sign) AS out FROM space_events
    WHERE ${asked.events}
    GROUP BY space_id, timestamp, reading_id HAVING into != 0 OR out != 0 ORDER BY space_id, ${EVENT_ORDER}`,
    asked.params,
  );
  for (const [spaceId, timestampMs, readingId, entrances, exits] of rows)
    found.get(Number(spaceId) as SpaceId)?.push({
      ...{ timestampMs: Number(timestampMs), readingId, entrances: Number(entrances), exits: Number(exits), sign: 1 },
    });
  return found;
}
