// Profiles as clients see them, with an example.
import type { HourOfWeek, HoursPassed, Profile } from '../counts/profiles.ts';
import { formatAsOf } from '../domain/as-of.ts';
import { countQuantile, meanCount, msAbove, totalMs } from '../domain/time-at-counts.ts';
import { instantOrNull } from './counts-json.ts';
import { AS_OF_EXAMPLE } from './schemas/known-at.ts';
import type { Written } from './zoned-times.ts';

/** @param above the limit that `seconds_above` is about */
export function profileJson(found: Profile, above: number | undefined, written: Written): object {
  return {
    space_id: found.spaceId,
    start: written(found.startMs),
    end: written(found.endMs),
    ...passedJson(found, above),
    peak_hour: written(found.peakHourMs),
    hours: found.hours.map((hour) => hourJson(hour, above)),
    watermark: instantOrNull(found.watermarkMs, written),
    final: found.isFinal,
    as_of: formatAsOf(found.asOf),
  };
}

export function hourJson({ weekday, hour, ...passed }: HourOfWeek, above: number | undefined) {
  return { weekday, hour, ...passedJson(passed, above) };
}

function passedJson({ times, peak, entrances, exits }: HoursPassed, above: number | undefined) {
  return {
    seconds: totalMs(times) / 1000,
    mean: Math.round(meanCount(times) * 100) / 100,
    median: countQuantile(times, 0.5),
    p90: countQuantile(times, 0.9),
    peak,
    entrances,
    exits,
    ...(above === undefined ? {} : { seconds_above: msAbove(times, above) / 1000 }),
  };
}

const PASSED_EXAMPLE = {
  seconds: 14_400,
  mean: 12.48,
  median: 12,
  p90: 21,
  peak: 27,
  entrances: 190,
  exits: 102,
};

export const HOUR_EXAMPLE = { weekday: 1, hour: 9, ...PASSED_EXAMPLE };

export const PROFILE_EXAMPLE = {
  space_id: 1,
  start: '2018-01-29T00:00:00.000Z',
  end: '2018-02-26T00:00:00.000Z',
  ...PASSED_EXAMPLE,
  seconds: 2_419_200,
  peak_hour: '2018-02-19T09:00:00.000Z',
  hours: [HOUR_EXAMPLE],
  watermark: '2018-02-26T15:33:42.120Z',
  final: true,
  as_of: AS_OF_EXAMPLE,
};
