// Lists over all spaces and sensors, from the tables that the views fill.
import type { TimeRange } from '../../../src/domain/filter.ts';
import { NO_DOORWAY, NOWHERE, type SpaceId } from '../../../src/domain/ids.ts';
import { addTo } from '../../../src/domain/lists.ts';
import { directionOf } from '../../../src/domain/measure.ts';
import { EMPTY_SEGMENT } from '../../../src/domain/segment.ts';
import { compareEvents, passedBy, uncountedAs } from '../../../src/domain/space-event.ts';
import type { Blocks, EventPages, StoredReading } from '../../../src/ports/event-pages.ts';
import { eventsOfSpaces, segmentsOfRows } from './events-of-spaces.ts';
import type { MemoryTables, Row } from './memory-history.ts';

type Lists = Pick<
  EventPages,
  'spacesByTime' | 'countAllEvents' | 'segmentsOf' | 'eventsOf' | 'readings' | 'countReadings'
>;
type Read = <T>(label: string, apply: () => T) => Promise<T>;

/** Readings without a filter, in event order. */
export function memoryLists(read: Read, tables: MemoryTables): Lists {
  const inBlocks = (rows: readonly Row[], blocks: Blocks): Row[] =>
    rows.filter((row) => !blocks || row.block <= (blocks[row.partition] ?? 0));
  const events = ({ fromMs, toMs }: TimeRange, blocks: Blocks): Row[] =>
    inBlocks(tables.eventsByTime, blocks).filter(
      ({ spaceId, timestampMs }) => spaceId !== NOWHERE && fromMs <= timestampMs && timestampMs <= toMs,
    );
  const readings = (blocks: Blocks): Row[] => inBlocks(tables.eventsByTime, blocks).filter(({ primary }) => primary);
  const rowsOf = (spaceId: SpaceId): Row[] => tables.rowsOfSpaces.get(spaceId) ?? [];
  return {
    spacesByTime: async ({ range, after, desc, limit, blocks }) =>
      read('spaces by time', () => {
        const sign = desc ? -1 : 1;
        return events(range, blocks)
          .filter((row) => !after || sign * compareEvents(row, after) > 0)
          .sort((a, b) => sign * compareEvents(a, b))
          .slice(0, limit);
      }),
    countAllEvents: async (range, blocks) =>
      read('number of all events', () =>
        events(range, blocks).reduce((sum, { entrances, exits, sign }) => sum + (entrances + exits > 0 ? sign : 0), 0),
      ),
    segmentsOf: async (spaces, upToMs) =>
      read(
        'segments of spaces',
        () =>
          new Map(
            spaces.map(({ spaceId, block, afterMs }) => [
              spaceId,
              segmentsOfRows(rowsOf(spaceId), [afterMs, upToMs], { block })[0] ?? EMPTY_SEGMENT,
            ]),
          ),
      ),
    eventsOf: async (spaces, { fromMs, toMs }) =>
      read('events of spaces', () =>
        eventsOfSpaces(
          rowsOf,
          spaces.map(({ spaceId, block }) => ({ spaceId, block, dividedMs: fromMs - 1 })),
          toMs,
        ),
      ),
    readings: async ({ blocks, after, limit }) =>
      read('readings', () =>
        standing(readings(blocks))
          .filter((reading) => !after || compareEvents(reading, after) > 0)
          .slice(0, limit),
      ),
    countReadings: async (_, blocks) =>
      read('number of readings', () => readings(blocks).reduce((sum, { sign }) => sum + sign, 0)),
  };
}

/** With retractions applied. */
function standing(rows: readonly Row[]): StoredReading[] {
  const byContent = new Map<string, Row[]>();
  for (const row of rows) {
    const { timestampMs, readingId, dpuId, measure, spaceId, doorwayId } = row;
    addTo(byContent, JSON.stringify([timestampMs, readingId, dpuId, directionOf(measure), spaceId, doorwayId]), row);
  }
  return [...byContent.values()]
    .filter((same) => same.reduce((sum, { sign }) => sum + sign, 0) > 0)
    .flatMap(([row]) => (row ? [readingOfRow(row)] : []))
    .sort(compareEvents);
}

function readingOfRow(row: Row): StoredReading {
  const { timestampMs, readingId, dpuId, measure, spaceId, doorwayId } = row;
  const uncounted = spaceId === NOWHERE ? uncountedAs(doorwayId) : undefined;
  return {
    ...{ timestampMs, readingId, dpuId, direction: directionOf(measure), ...passedBy(row) },
    doorwayId: spaceId === NOWHERE || doorwayId === NO_DOORWAY ? null : doorwayId,
    isExcluded: uncounted === 'excluded',
    isDeleted: uncounted === 'deleted',
  };
}
