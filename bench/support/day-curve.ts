// A day of people, squeezed into minutes: few at night, a peak in the morning and one in the evening.

/** The rate at each full hour, relative to the highest. */
const BY_HOUR = [
  0.05, 0.03, 0.03, 0.03, 0.05, 0.15, 0.35, 0.7, 1, 0.8, 0.55, 0.5, 0.6, 0.6, 0.5, 0.55, 0.7, 0.95, 1, 0.75, 0.5, 0.3,
  0.15, 0.1,
];

export interface Phase {
  readonly name: string;
  readonly fromHour: number;
  readonly toHour: number;
}

export const PHASES: readonly Phase[] = [
  { name: 'night', fromHour: 0, toHour: 5 },
  { name: 'rise', fromHour: 5, toHour: 7 },
  { name: 'morning peak', fromHour: 7, toHour: 10 },
  { name: 'midday', fromHour: 10, toHour: 16 },
  { name: 'evening peak', fromHour: 16, toHour: 19.5 },
  { name: 'evening', fromHour: 19.5, toHour: 24 },
];

/** How much of the highest rate there is at an hour of the day. */
function shareAt(hour: number): number {
  const [before, after] = [BY_HOUR[Math.floor(hour) % 24] ?? 0, BY_HOUR[(Math.floor(hour) + 1) % 24] ?? 0];
  return before + (after - before) * (hour % 1);
}

/** How many hours at the highest rate have as many readings as the day has from its begin until an hour. */
export function hoursAtPeak(hour: number): number {
  let sum = 0;
  // The curve is a straight line between full hours, so the mean of both ends is exact.
  for (let from = 0; from < hour; from += 1) {
    const to = Math.min(from + 1, hour);
    const end = to === from + 1 ? (BY_HOUR[to % 24] ?? 0) : shareAt(to);
    sum += ((to - from) * ((BY_HOUR[from] ?? 0) + end)) / 2;
  }
  return sum;
}
