import { isStanding } from '../../../src/domain/measure.ts';
import type { Reading } from '../../../src/domain/reading.ts';
import type { DpuInstant } from '../../../src/ports/history.ts';

/** For each place, the standings of its DPU at that instant and at the nearest instants before and after it. */
export function standingsAround(stored: readonly Reading[], places: readonly DpuInstant[]): Reading[] {
  const found = new Set<Reading>();
  const standings = stored.filter(({ measure }) => isStanding(measure));
  for (const { dpuId, timestampMs: atMs } of places) {
    const own = standings.filter((reading) => reading.dpuId === dpuId);
    const beforeMs = Math.max(...own.map(({ timestampMs: ms }) => (ms < atMs ? ms : -Infinity)));
    const afterMs = Math.min(...own.map(({ timestampMs: ms }) => (ms > atMs ? ms : Infinity)));
    for (const reading of own) if ([beforeMs, atMs, afterMs].includes(reading.timestampMs)) found.add(reading);
  }
  return [...found];
}
