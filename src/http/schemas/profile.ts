// The schema of the profile of a space.
import { z } from 'zod';
import { AS_OF } from './known-at.ts';
import { count, final, id, instant, resource, watermark } from './resources.ts';

const passed = () => ({
  seconds: z.number().meta({ description: 'how much time this is about' }),
  mean: z.number().meta({ description: 'people in the space on average over that time' }),
  median: count('there were at most this many for half of that time'),
  p90: count('there were at most this many for nine tenths of that time'),
  peak: count('the largest count, including the one just before each hour, or that of a reset at its start'),
  entrances: count('people who entered'),
  exits: count('people who left'),
  seconds_above: z.number().optional().meta({ description: 'how long there were more people than `above`' }),
});

export const profile = resource('Profile', 'How full a space was in a span, by hour of the week', {
  space_id: id('the space'),
  start: instant('inclusive'),
  end: instant('exclusive; not after now'),
  ...passed(),
  peak_hour: instant('the start of the first hour in which the count was at its peak'),
  hours: z
    .array(
      z.strictObject({
        weekday: z.int().min(1).max(7).meta({ description: '1 is Monday, 7 Sunday' }),
        hour: z.int().min(0).max(23).meta({ description: 'by the clock of the space' }),
        ...passed(),
      }),
    )
    .meta({ description: 'from Monday 0 h to Sunday 23 h; hours that are not in the span are left out' }),
  watermark,
  final,
  as_of: z.string().meta(AS_OF),
});
