import type { NewestInstantsQuery, StandingInstant } from '../../../src/ports/history.ts';
import { isIncluded } from './events-of-rows.ts';
import type { Row } from './memory-history.ts';

/** @param rows of the space that is asked for */
export function newestInstants(
  rows: readonly Row[],
  { block, upTo, afterMs, upToMs, limit }: NewestInstantsQuery,
): StandingInstant[] {
  const readings = new Map<number, number>();
  for (const row of rows) {
    const { timestampMs, sign } = row;
    if (isIncluded(row, { block, upTo }) && afterMs < timestampMs && timestampMs <= upToMs)
      readings.set(timestampMs, (readings.get(timestampMs) ?? 0) + sign);
  }
  return [...readings]
    .filter(([, sum]) => sum > 0)
    .map(([timestampMs, sum]) => ({ timestampMs, readings: sum }))
    .sort((a, b) => b.timestampMs - a.timestampMs)
    .slice(0, limit);
}
