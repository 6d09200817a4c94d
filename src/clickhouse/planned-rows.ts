// Conditions for what a plan reads: stored hours, and rows of space_events. Each range is a condition of its own on the sorting key,
// so that ClickHouse reads little besides.
import { knownRows, upToParams } from './known-rows.ts';
import type { LogPlace } from '../domain/log-place.ts';
import { storable } from './instants.ts';
import type { PlannedSpace } from './hours-plan.ts';
import { OF_SPACES, ofItsSpace, spacesParams, UP_TO_BLOCKS } from './rows-of-spaces.ts';

export interface PlannedRows {
  /** A condition for rows of space_events. */
  readonly events: string;
  /** A condition for rows of segments_by_hour. */
  readonly hours: string;
  readonly params: Record<string, unknown>;
}

export function plannedRows(spaces: readonly PlannedSpace[], upTo: LogPlace | undefined): PlannedRows {
  const events = spaces.flatMap(({ spaceId, plan }) => plan.events.map((range) => ({ spaceId, ...range })));
  const hours = spaces.flatMap(({ spaceId, plan }) => plan.hours.map((span) => ({ spaceId, ...span })));
  return {
    events: `${anyOf(events.length, (n) => `space_id = ${nth('eventSpaces', 'UInt32', n)} AND timestamp > ${instant('after', n)} AND timestamp <= ${instant('until', n)}`)} AND ${knownRows({ upTo }, UP_TO_BLOCKS)}`,
    hours: `${OF_SPACES} AND ${anyOf(hours.length, (n) => `space_id = ${nth('hourSpaces', 'UInt32', n)} AND hour >= ${nth('firstHours', 'Int64', n)} AND hour <= ${nth('lastHours', 'Int64', n)}`)} AND block <= ${ofItsSpace('storedBlocks', 'UInt64')}`,
    params: {
      ...spacesParams(spaces),
      storedBlocks: spaces.map(({ storedBlock }) => storedBlock),
      eventSpaces: events.map(({ spaceId }) => spaceId),
      after: events.map(({ afterMs }) => storable(afterMs)),
      until: events.map(({ upToMs }) => storable(upToMs)),
      hourSpaces: hours.map(({ spaceId }) => spaceId),
      firstHours: hours.map(({ first }) => first),
      lastHours: hours.map(({ last }) => last),
      ...upToParams(upTo),
    },
  };
}

function anyOf(count: number, condition: (n: number) => string): string {
  if (count === 0) return '0';
  return `(${Array.from({ length: count }, (_, n) => condition(n)).join(' OR ')})`;
}

const nth = (values: string, type: string, n: number): string => `{${values}:Array(${type})}[${n + 1}]`;
const instant = (values: string, n: number): string => `fromUnixTimestamp64Milli(${nth(values, 'Int64', n)}, 'UTC')`;
