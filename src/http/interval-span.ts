// The span and the length of intervals in a query, and the bounds that follow from them.
import type { z } from 'zod';
import { END_MS } from '../domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval } from '../domain/interval.ts';
import { DAY_MS } from '../domain/zone.ts';
import { invalid } from './problem.ts';
import { field, instantInQuery } from './schemas/fields.ts';

const INTERVALS_MAX = 10_000;
const INTERVAL_RULE = 'a whole number of minutes or hours up to a week, such as 15m or 12h, or 1d, 1w or 1M (a month)';

export const intervalSpan = {
  start: instantInQuery('start of the range, inclusive; default: one day before `end`').optional(),
  end: instantInQuery('end of the range, exclusive; default: now').optional(),
  interval: field(
    {
      type: 'string',
      pattern: '^[1-9]\\d{0,4}[mhdwM]$',
      description: `${INTERVAL_RULE}; all follow the clock of the space's time zone`,
      examples: ['1h'],
    },
    `must be ${INTERVAL_RULE}`,
    (value) => (typeof value === 'string' ? parseInterval(value) : undefined),
  )
    .prefault('15m')
    .meta({ default: '15m' }),
};

/** For answers that take `known_at`. */
export const knownSpan = {
  ...intervalSpan,
  end: instantInQuery('end of the range, exclusive; default: now, or the instant of `known_at`').optional(),
};

type IntervalSpan = z.infer<z.ZodObject<typeof intervalSpan>>;

/** @param owner the space whose clock intervals follow */
export function intervalsNote(owner: string): string {
  return `Intervals begin where the clock of ${owner} shows a multiple of their length (days at midnight, weeks on Monday, months on the first), so the first and the last may extend beyond \`start\` and \`end\`. When the clocks change, an interval is longer or shorter. An answer has at most ${INTERVALS_MAX.toLocaleString('en')} intervals. Accept text/csv to get CSV.`;
}

/**
 * @param spaces for how many spaces the intervals are
 * @throws HttpProblem 422 for an empty range, or one with too many intervals
 */
export function boundsOf(
  { start, end, interval }: IntervalSpan,
  spaces: number,
  zone: string,
  nowMs: number,
): number[] {
  const { startMs, endMs } = startAndEnd({ start, end }, nowMs);
  const count = intervalCount(startMs, endMs, interval) * spaces;
  if (count > INTERVALS_MAX) {
    throw invalid(
      'interval',
      `the answer would have ${count} intervals, more than the maximum of ${INTERVALS_MAX}: use a longer interval, a shorter range or fewer spaces`,
    );
  }
  // Instants after END_MS have no four-digit year and cannot be formatted.
  return intervalBounds(startMs, endMs, interval, zone).map((ms) => Math.min(ms, END_MS));
}

/** @throws HttpProblem 422 for an empty range */
export function startAndEnd({ start, end }: Pick<IntervalSpan, 'start' | 'end'>, nowMs: number) {
  const endMs = end ?? nowMs;
  const startMs = start ?? endMs - DAY_MS;
  if (startMs >= endMs) throw invalid('start', 'must be before end');
  return { startMs, endMs };
}
