import { directionOf } from '../../../src/domain/measure.ts';
import { readingIdOf, type Reading } from '../../../src/domain/reading.ts';
import type { DpuReadingsPage, DpuReadingsQuery } from '../../../src/ports/history.ts';
import { compare } from './compare.ts';

/** @param known every reading that is stored @param counts false for a reading that was retracted in favour of another one */
export function pageOfReadings(
  known: readonly Reading[],
  { dpuIds, fromMs, toMs, after, limit }: DpuReadingsQuery,
  counts: (reading: Reading) => boolean,
): DpuReadingsPage {
  const place = (reading: Reading): [string, number, string] => [
    reading.dpuId,
    reading.timestampMs,
    readingIdOf(reading),
  ];
  const start: [string, number, string] = [after.dpuId, after.timestampMs, after.readingId];
  const found = known
    .filter(({ dpuId, timestampMs }) => dpuIds.includes(dpuId) && fromMs <= timestampMs && timestampMs < toMs)
    .filter((reading) => compare(place(reading), start) > 0)
    .sort((a, b) => compare([...place(a), directionOf(a.measure)], [...place(b), directionOf(b.measure)]))
    .slice(0, limit);
  const last = found.length < limit ? undefined : found.at(-1);
  return {
    readings: found.filter(counts),
    end: last ? { dpuId: last.dpuId, timestampMs: last.timestampMs, readingId: readingIdOf(last) } : null,
  };
}
