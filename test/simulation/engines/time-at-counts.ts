// The query of ClickHouse for a profile, on rows in memory.
import { TimeAtCounts, type TimeAtCount } from '../../../src/domain/time-at-counts.ts';
import type { TimeAtCountsQuery } from '../../../src/ports/history.ts';
import { eventsOfRows, type StoredRow } from './events-of-rows.ts';

/** @param rows of the space that is asked for */
export function timeAtCounts(
  rows: readonly StoredRow[],
  { block, upTo, stretches }: Pick<TimeAtCountsQuery, 'block' | 'upTo' | 'stretches'>,
): TimeAtCount[] {
  const times = new TimeAtCounts();
  const [afterMs, upToMs] = [stretches[0]?.afterMs ?? 0, stretches.at(-1)?.upToMs ?? 0];
  times.follow(stretches, eventsOfRows(rows, { block, upTo, afterMs, upToMs }));
  return [...times];
}
