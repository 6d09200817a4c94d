// Event order in SQL: the counterpart of `compareEvents` (src/domain/space-event.ts), for sorting, window functions
// and keyset paging. ClickHouse compares strings byte by byte, JavaScript by UTF-16 code unit; reading ids are ASCII,
// so the two agree. test/integration/event-order.test.ts checks that they do.
import type { EventPlace } from '../domain/space-event.ts';
import { instantParam, storable } from './instants.ts';

/** The order of window functions, and of rows in every table from which events are read, within its leading column. */
export const EVENT_ORDER = 'timestamp, reading_id';

/** An ORDER BY list in event order, ascending or descending. */
export function eventOrder(isDescending: boolean): string {
  const direction = isDescending ? 'DESC' : 'ASC';
  return `timestamp ${direction}, reading_id ${direction}`;
}

/** A condition for rows after a place (before it, when descending). Bind the place with `placeParams`. */
export function beyondPlace(isDescending: boolean): string {
  return `(${EVENT_ORDER}) ${isDescending ? '<' : '>'} (${instantParam('afterTime')}, {afterId:String})`;
}

/** Binds the place that `beyondPlace` refers to. */
export function placeParams({ timestampMs, readingId }: EventPlace): { afterTime: number; afterId: string } {
  return { afterTime: storable(timestampMs), afterId: readingId };
}
