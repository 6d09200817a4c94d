import type { Reading } from '../../../src/domain/reading.ts';
import { seriesKindOf } from '../../../src/domain/series.ts';
import type { SeriesPlace } from '../../../src/ports/history.ts';

/** For each place, the readings of its series at that instant and at the nearest instants before and after it. */
export function neighboursAt(stored: readonly Reading[], places: readonly SeriesPlace[]): Reading[] {
  const found = new Set<Reading>();
  for (const { kind, dpuId, timestampMs: atMs } of places) {
    const own = stored.filter((reading) => reading.dpuId === dpuId && seriesKindOf(reading.measure) === kind);
    const beforeMs = Math.max(...own.map(({ timestampMs: ms }) => (ms < atMs ? ms : -Infinity)));
    const afterMs = Math.min(...own.map(({ timestampMs: ms }) => (ms > atMs ? ms : Infinity)));
    for (const reading of own) if ([beforeMs, atMs, afterMs].includes(reading.timestampMs)) found.add(reading);
  }
  return [...found];
}
