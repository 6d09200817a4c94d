// How busy a space usually is, by hour and day of the week.
import type { Interval } from '../api/types.ts';
import { hourIn, weekdayIn } from '../i18n/zoned-time.ts';

/** By weekday (Monday is 0), then by hour; undefined where nothing is known. */
export type BusiestHours = readonly (readonly (number | undefined)[])[];

/** @param hours intervals of an hour */
export function busiestHours(hours: readonly Interval[], zone: string): BusiestHours {
  const cells = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => ({ sum: 0, number: 0 })));
  // Before the first person came, the space was not counted yet.
  const first = hours.findIndex(({ max }) => max > 0);
  for (const { start, max } of first === -1 ? [] : hours.slice(first)) {
    const startMs = Date.parse(start);
    const cell = cells[weekdayIn(zone, startMs)]?.[hourIn(zone, startMs)];
    if (!cell) continue;
    cell.sum += max;
    cell.number += 1;
  }
  return cells.map((day) => day.map(({ sum, number }) => (number === 0 ? undefined : sum / number)));
}
