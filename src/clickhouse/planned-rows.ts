// Conditions for what a plan reads: stored hours, and rows of space_events. Each range is a hint of its own for the sorting key, so that
// ClickHouse reads little besides. Whether a row is in one of hundreds of ranges is found by a binary search: as a chain of ORs,
// it took most of the time.
import type { LogPlace } from '../domain/log-place.ts';
import { storable } from './instants.ts';
import { knownRows, upToParams } from './known-rows.ts';
import type { PlannedSpace } from './hours-plan.ts';
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

/** More than any instant: the ranges of all spaces are on one line, space after space. */
const SPACE_WIDTH = 2 ** 44;

export function plannedRows(spaces: readonly PlannedSpace[], upTo: LogPlace | undefined): PlannedRows {
  const events = spaces.flatMap(({ plan }, space) =>
    plan.events.map(({ afterMs, upToMs }) => ({ space, after: storable(afterMs), upTo: storable(upToMs) })),
  );
  const hours = spaces.flatMap(({ plan }, space) =>
    plan.slots.map(({ first, last }) => ({ space, after: first - 1, upTo: last })),
  );
  return {
    events: `${inRanges('event', events.length, 'toUnixTimestamp64Milli(timestamp)', eventHint)} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}`,
    hours: `${inRanges('slot', hours.length, 'toInt64(slot)', slotHint)} AND block <= ${ofItsSpace('storedBlocks', 'UInt64')}`,
    params: {
      ...spacesParams(spaces),
      spaceStarts: spaces.map((_, n) => n * SPACE_WIDTH),
      storedBlocks: spaces.map(({ storedBlock }) => storedBlock),
      ...rangesParams('event', spaces, events),
      ...rangesParams('slot', spaces, hours),
      ...upToParams(upTo),
    },
  };
}

const eventHint = (after: string, upTo: string): string =>
  `timestamp > fromUnixTimestamp64Milli(${after}, 'UTC') AND timestamp <= fromUnixTimestamp64Milli(${upTo}, 'UTC')`;
const slotHint = (after: string, upTo: string): string => `slot > ${after} AND slot <= ${upTo}`;

/** @param value SQL for what the ranges are of */
function inRanges(name: string, count: number, value: string, hint: (after: string, upTo: string) => string): string {
  if (count === 0) return '0';
  const nth = (values: string, type: string, n: number): string => `{${name}${values}:Array(${type})}[${n + 1}]`;
  const hints = Array.from(
    { length: count },
    (_, n) =>
      `(space_id = ${nth('Spaces', 'UInt32', n)} AND ${hint(nth('After', 'Int64', n), nth('UpTo', 'Int64', n))})`,
  );
  const place = `${ofItsSpace('spaceStarts', 'Int64')} + ${value}`;
  const start = `roundDown(${place} - 1, {${name}Starts:Array(Int64)})`;
  return `${OF_SPACES} AND indexHint(${hints.join(' OR ')})
    AND ${place} > ${start} AND ${place} <= transform(${start}, {${name}Starts:Array(Int64)}, {${name}Ends:Array(Int64)}, toInt64(-1))`;
}

function rangesParams(
  name: string,
  spaces: readonly PlannedSpace[],
  ranges: readonly SpaceRange[],
): Record<string, readonly number[]> {
  return {
    [`${name}Spaces`]: ranges.map(({ space }) => spaces[space]?.spaceId ?? 0),
    [`${name}After`]: ranges.map(({ after }) => after),
    [`${name}UpTo`]: ranges.map(({ upTo }) => upTo),
    [`${name}Starts`]: ranges.map(({ space, after }) => space * SPACE_WIDTH + after),
    [`${name}Ends`]: ranges.map(({ space, upTo }) => space * SPACE_WIDTH + upTo),
  };
}
