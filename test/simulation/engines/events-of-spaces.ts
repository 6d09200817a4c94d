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
  { dividedMs = Infinity, ...bounds }: Pick<EventsQuery, 'block' | 'upTo'> & { readonly dividedMs?: number },
): Segment[] {
  return edgesMs
    .slice(1)
    .map((endMs, gap) =>
      eventsOfRows(rows, { ...bounds, afterMs: edgesMs[gap] ?? 0, upToMs: Math.min(endMs, dividedMs) }).reduce(
        (run, event) => append(run, segmentOf(event)),
        EMPTY_SEGMENT,
      ),
    );
}

export function segmentsOfSpaces(
  rowsOf: RowsOf,
  spaces: readonly DividedRequest[],
  edgesMs: readonly number[],
): SegmentsOf {
  return new Map(
    spaces.map(({ spaceId, block, dividedMs }) => [
      spaceId,
      segmentsOfRows(rowsOf(spaceId), edgesMs, { block, dividedMs }),
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
