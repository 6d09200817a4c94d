// The events of several spaces, each divided at an instant of its own.
import type { SpaceId } from '../../../src/domain/ids.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../../../src/domain/segment.ts';
import type { DividedRequest, EventsQuery, HistoryEvent } from '../../../src/ports/history.ts';
import { eventsOfRows, type StoredRow } from './events-of-rows.ts';

export type SegmentsOf = ReadonlyMap<SpaceId, readonly Segment[]>;
type RowsOf = (spaceId: SpaceId) => readonly StoredRow[];

/** One segment for each range between two edges. */
export function segmentsOfRows(
  rows: readonly StoredRow[],
  edgesMs: readonly number[],
  bounds: Pick<EventsQuery, 'block' | 'upTo'>,
): Segment[] {
  return edgesMs
    .slice(1)
    .map((endMs, gap) =>
      eventsOfRows(rows, { ...bounds, afterMs: edgesMs[gap] ?? 0, upToMs: endMs }).reduce(
        (run, event) => append(run, segmentOf(event)),
        EMPTY_SEGMENT,
      ),
    );
}

type SegmentBetween = (query: Pick<EventsQuery, 'spaceId' | 'block'>, afterMs: number, upToMs: number) => Segment;

export function segmentsOfSpaces(
  segmentBetween: SegmentBetween,
  spaces: readonly DividedRequest[],
  edgesMs: readonly number[],
): SegmentsOf {
  return new Map(
    spaces.map(({ spaceId, block, dividedMs }) => [
      spaceId,
      edgesMs
        .slice(1)
        .map((endMs, gap) => segmentBetween({ spaceId, block }, edgesMs[gap] ?? 0, Math.min(endMs, dividedMs))),
    ]),
  );
}

export function eventsOfSpaces(
  rowsOf: RowsOf,
  spaces: readonly DividedRequest[],
  upToMs: number,
): Map<SpaceId, HistoryEvent[]> {
  return new Map(
    spaces.map(({ spaceId, block, dividedMs }) => [
      spaceId,
      eventsOfRows(rowsOf(spaceId), { block, afterMs: dividedMs, upToMs }),
    ]),
  );
}
