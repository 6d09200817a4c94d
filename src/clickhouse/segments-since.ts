// One segment for each of several spaces: of its events after an instant of its own, up to a common end. Most spaces have few
// events since then, and are read together. Those of a space with many are summed up from its stored hours instead.
import type { ClickHouseClient } from '@clickhouse/client';
import type { SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { EMPTY_SEGMENT, type Segment } from '../domain/segment.ts';
import type { OccupancyRequest } from '../ports/history.ts';
import { isForHours } from './hours-plan.ts';
import { instantParam, storable } from './instants.ts';
import { chunksOf, queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';
import { segmentQuery, toSegment, type SegmentRow } from './segment-query.ts';
import { segmentsOfSpaces } from './spaces-queries.ts';
import type { StoredBlocks } from './stored-blocks.ts';

/** ClickHouse holds and sorts all rows of a query. */
const ROWS_AT_ONCE_MAX = 1_000_000;

// The common lower bound lets ClickHouse use the sorting key.
const ROWS = `${OF_SPACES} AND timestamp > ${instantParam('first')} AND timestamp <= ${instantParam('upTo')}
  AND toUnixTimestamp64Milli(timestamp) > ${ofItsSpace('after', 'Int64')} AND ${UP_TO_BLOCKS}`;

export async function segmentsSince(
  client: ClickHouseClient,
  blocks: StoredBlocks,
  asked: readonly OccupancyRequest[],
  upToMs: number,
): Promise<Map<SpaceId, Segment>> {
  const found = new Map(asked.map(({ spaceId }) => [spaceId, EMPTY_SEGMENT]));
  // Spaces with lower bounds that are near to each other are asked for together.
  const spaces = asked.filter(({ afterMs }) => afterMs < upToMs).sort((a, b) => a.afterMs - b.afterMs);
  const { rowsMin } = blocks.limits;
  const numbers = await rowsOfLong(client, spaces, upToMs);
  const rowsOf = ({ spaceId }: OccupancyRequest): number => numbers.get(spaceId) ?? 0;
  for (const some of askedTogether(spaces, rowsOf, rowsMin)) {
    const [one] = some;
    if (one && rowsOf(one) >= rowsMin) {
      const question = { edgesMs: [one.afterMs, upToMs], spaces: [one] };
      const segments = await segmentsOfSpaces(client, blocks, question);
      found.set(one.spaceId, segments.get(one.spaceId)?.[0] ?? EMPTY_SEGMENT);
    } else {
      const rows = await queryRows<SegmentRow>(client, segmentQuery('space_id', ROWS), rowsParams(some, upToMs));
      for (const row of rows) found.set(Number(row[0]) as SpaceId, toSegment(row));
    }
  }
  return found;
}

/** Row counts of the spaces that go back two days or more; the others have few. */
async function rowsOfLong(
  client: ClickHouseClient,
  spaces: readonly OccupancyRequest[],
  upToMs: number,
): Promise<Map<SpaceId, number>> {
  const latestMs = Math.min(upToMs, Date.now());
  const found = new Map<SpaceId, number>();
  for (const some of chunksOf(spaces.filter(({ afterMs }) => isForHours({ edgesMs: [afterMs, latestMs] })))) {
    const rows = await queryRows<[spaceId: number, count: string]>(
      client,
      `SELECT space_id, count() FROM space_events WHERE ${ROWS} GROUP BY space_id`,
      rowsParams(some, upToMs),
    );
    for (const [spaceId, count] of rows) found.set(Number(spaceId) as SpaceId, Number(count));
  }
  return found;
}

/**
 * Divides spaces, in their order, into those that one query is for: each with many rows alone, after all others.
 * @param rowsMin how many are many
 */
export function askedTogether<Space>(
  spaces: readonly Space[],
  rowsOf: (space: Space) => number,
  rowsMin: number,
): Space[][] {
  const groups: Space[][] = [];
  const few = spaces.filter((space) => rowsOf(space) < rowsMin);
  for (const some of chunksOf(few)) {
    let rows = Infinity;
    for (const space of some) {
      rows += rowsOf(space);
      if (rows <= ROWS_AT_ONCE_MAX) groups.at(-1)?.push(space);
      else {
        groups.push([space]);
        rows = rowsOf(space);
      }
    }
  }
  return [...groups, ...spaces.filter((space) => rowsOf(space) >= rowsMin).map((space) => [space])];
}

function rowsParams(spaces: readonly OccupancyRequest[], upToMs: number): Record<string, unknown> {
  return {
    ...spacesParams(spaces),
    after: spaces.map(({ afterMs }) => storable(afterMs)),
    first: Math.max(BEGINNING_MS, spaces[0]?.afterMs ?? 0),
    upTo: storable(upToMs),
  };
}
