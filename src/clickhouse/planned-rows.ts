// Conditions for what a plan reads: stored hours, and rows of space_events. Each range is a hint of its own for the sorting key, so that
// ClickHouse reads little besides. Whether a row is in one of hundreds of ranges is found by a binary search: as a chain of ORs,
// it took most of the time.
import type { ClickHouseClient } from '@clickhouse/client';
import type { LogPlace } from '../domain/log-place.ts';
import { storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import type { PlannedSpace } from './hours-plan.ts';
import { queryRows } from './query-rows.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';

export interface PlannedRows {
  /** A condition for rows of space_events. */
  readonly events: string;
  /** A condition for rows of segments_by_hour. */
  readonly hours: string;
  readonly params: Record<string, unknown>;
}

/** Values (after, upTo] of one space. */
interface SpaceRange {
  readonly space: number;
  readonly after: number;
  readonly upTo: number;
}

/** So few are conditions themselves, which takes ClickHouse less time to plan. */
const FEW_RANGES = 16;
/** More than any instant: the ranges of all spaces are on one line, space after space. There may be 512 of them. */
const SPACE_WIDTH = 2 ** 44;

export function plannedRows(spaces: readonly PlannedSpace[], upTo: LogPlace | undefined): PlannedRows {
  const events = spaces.flatMap(({ plan }, space) =>
    plan.events.map(({ afterMs, upToMs }) => ({ space, after: storable(afterMs), upTo: storable(upToMs) })),
  );
  const hours = spaces.flatMap(({ plan }, space) =>
    plan.slots.map(({ first, last }) => ({ space, after: first - 1, upTo: last })),
  );
  return {
    events: `${inRanges('event', spaces, events, 'toUnixTimestamp64Milli(timestamp)', eventHint)} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}`,
    hours: `${inRanges('slot', spaces, hours, 'toInt64(slot)', slotHint)} AND block <= ${ofItsSpace('storedBlocks', 'UInt64')}`,
    params: {
      ...spacesParams(spaces),
      spaceStarts: spaces.map((_, n) => n * SPACE_WIDTH),
      storedBlocks: spaces.map(({ storedBlock }) => storedBlock),
      ...rangesParams('event', events),
      ...rangesParams('slot', hours),
      ...upToParams(upTo),
    },
  };
}

const eventHint = (after: number, upTo: number): string =>
  `timestamp > fromUnixTimestamp64Milli(${after}, 'UTC') AND timestamp <= fromUnixTimestamp64Milli(${upTo}, 'UTC')`;
const slotHint = (after: number, upTo: number): string => `slot > ${after} AND slot <= ${upTo}`;

/**
 * The numbers in the hints are text of the query: as elements of a bound array, each would bring along the whole array.
 * @param value SQL for what the ranges are of
 */
function inRanges(
  name: string,
  spaces: readonly PlannedSpace[],
  ranges: readonly SpaceRange[],
  value: string,
  hint: (after: number, upTo: number) => string,
): string {
  if (ranges.length === 0) return '0';
  const hints = ranges.map(
    ({ space, after, upTo }) => `(space_id = ${Number(spaces[space]?.spaceId)} AND ${hint(after, upTo)})`,
  );
  if (ranges.length <= FEW_RANGES) return `(${hints.join(' OR ')})`;
  const place = `${ofItsSpace('spaceStarts', 'Int64')} + ${value}`;
  const start = `roundDown(${place} - 1, {${name}Starts:Array(Int64)})`;
  return `${OF_SPACES} AND indexHint(${hints.join(' OR ')})
    AND ${place} > ${start} AND ${place} <= transform(${start}, {${name}Starts:Array(Int64)}, {${name}Ends:Array(Int64)}, toInt64(-1))`;
}

function rangesParams(name: string, ranges: readonly SpaceRange[]): Record<string, readonly number[]> {
  return {
    [`${name}Starts`]: ranges.map(({ space, after }) => space * SPACE_WIDTH + after),
    [`${name}Ends`]: ranges.map(({ space, upTo }) => space * SPACE_WIDTH + upTo),
  };
}

/** ClickHouse holds everything that it sums up in a query. With more rows, spaces are asked for one after the other. */
const ROWS_TOGETHER_MAX = 2_000_000;
/** Each range is a part of the text of a query, which ClickHouse limits to 256 KB. */
const RANGES_TOGETHER_MAX = 1_000;

/** True if a question about several spaces has to be divided. */
export async function isTooMuchTogether(
  client: ClickHouseClient,
  plans: readonly PlannedSpace[],
  { events, hours, params }: Pick<PlannedRows, 'events' | 'params'> & Partial<PlannedRows>,
): Promise<boolean> {
  const ranges = plans.reduce((sum, { plan }) => sum + plan.slots.length + plan.events.length, 0);
  if (ranges > RANGES_TOGETHER_MAX) return true;
  const read = await Promise.all([
    rowsRead(client, 'space_events', events, params),
    hours === undefined ? 0 : rowsRead(client, 'segments_by_hour', hours, params),
  ]);
  return read.some((rows) => rows > ROWS_TOGETHER_MAX);
}

/** How many rows a condition makes ClickHouse read, by its index. */
async function rowsRead(
  client: ClickHouseClient,
  table: 'space_events' | 'segments_by_hour',
  where: string,
  params: Record<string, unknown>,
): Promise<number> {
  const rows = await queryRows<[database: string, table: string, parts: string, rows: string]>(
    client,
    `EXPLAIN ESTIMATE SELECT 1 FROM ${table} WHERE ${where}`,
    params,
  );
  return rows.reduce((sum, [, , , read]) => sum + Number(read), 0);
}
