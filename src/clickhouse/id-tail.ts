// How ClickHouse stores reading ids. An id begins with the DPU and the instant of its reading, which every row has in
// columns of their own, so only its tail is stored (docs/adr/0125):
//
//   id_tail          reading_id
//   (empty)          <dpu>~<ms>~+ or <dpu>~<ms>~-, by the row's direction
//   ~5-3.name        <dpu>~<ms>~5-3.name
//   anything else    the same: an id of the previous format, or one in which the DPU's own id is escaped
//
// No such id is empty or begins with `~`: escaping a DPU's id leaves no `~`, and ids of the previous format begin with
// the id of a DPU that needs no escaping.
import type { LoggedEvent } from '../domain/log-entry.ts';
import { directionOf } from '../domain/measure.ts';

const PREFIX = "concat(dpu_id, '~', toString(toUnixTimestamp64Milli(timestamp)))";
const TAIL_OF_DIRECTION = "if(direction = 1, '~+', '~-')";

/**
 * SQL for the reading id of a row that has its tail. Never change its text, because the sorting keys of existing tables
 * have it. It is written as ClickHouse rewrites queries, with `empty(x)` instead of `x = ''`: only then does a page that is
 * ordered by `reading_id` stop at its limit (test/integration/event-order.test.ts).
 */
export const READING_ID = `if(empty(id_tail), concat(${PREFIX}, ${TAIL_OF_DIRECTION}), if(startsWith(id_tail, '~'), concat(${PREFIX}, id_tail), id_tail))`;

/** SQL for the tail of a row that has its reading id. */
export const ID_TAIL = `if(direction != 0 AND reading_id = concat(${PREFIX}, ${TAIL_OF_DIRECTION}), '', if(startsWith(reading_id, concat(${PREFIX}, '~')), substring(reading_id, length(${PREFIX}) + 1), reading_id))`;

/** The tail that is stored for a reading id. */
export function idTailOf({
  readingId,
  dpuId,
  timestampMs,
  measure,
}: Pick<LoggedEvent, 'readingId' | 'dpuId' | 'timestampMs' | 'measure'>): string {
  const prefix = `${dpuId}~${timestampMs}`;
  if (!readingId.startsWith(`${prefix}~`)) return readingId;
  const tail = readingId.slice(prefix.length);
  const direction = directionOf(measure);
  return (tail === '~+' && direction === 1) || (tail === '~-' && direction === -1) ? '' : tail;
}
