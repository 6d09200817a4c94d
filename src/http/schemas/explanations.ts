// The schemas of explanations of counts.
import { AS_OF } from './known-at.ts';
import { z } from 'zod';
import { count, final, id, instant, resource, stale, watermark } from './resources.ts';

const resetShape = {
  id: id('of the reset in its space; null for a daily reset').nullable(),
  timestamp: instant('the reset applies to readings after this instant'),
  count: count('how many people were in the space then'),
  kind: z.enum(['manual', 'daily']).meta({ description: 'recorded by a person, or due every day' }),
  recorded_at: instant('when it was recorded; null for a daily reset').nullable(),
  set_by: z.string().nullable().meta({
    description:
      'who recorded it or changed it last, as in the audit; null for a daily reset, and if an earlier version of the service recorded it',
  }),
  set_at: instant('when that was; null for a daily reset').nullable(),
};

/** What both explanations have. */
const terms = {
  doorways: z
    .array(
      z.strictObject({
        doorway_id: id('the doorway that the readings count at now'),
        dpu_id: z.string().meta({ description: 'the sensor above it' }),
        entrances: count('people who entered the space there'),
        exits: count('people who left it'),
        readings_url: z.string().meta({ description: 'the readings behind these numbers, as far as they are stored' }),
      }),
    )
    .meta({ description: 'by doorway and sensor; those with neither entrances nor exits are left out' }),
  exits_at_zero: z
    .array(
      z.strictObject({
        timestamp: instant('when they left'),
        exits: count('how many exits did not change the count'),
      }),
    )
    .meta({ description: 'exits from a space whose count was 0, newest first; the newest 100 instants' }),
  exits_at_zero_count: count('how many such exits there were in all'),
  watermark,
  held_back_by: z
    .strictObject({
      dpu_id: z
        .string()
        .nullable()
        .meta({ description: 'the sensor with the oldest latest reading or heartbeat; null if it is the router' }),
      router: z.int().meta({ description: 'the router (the number of its shard) that reads the sensor' }),
      clock: instant(
        'how far it has got; the watermark is behind this by at most the allowed out-of-orderness',
      ).nullable(),
    })
    .nullable()
    .meta({ description: 'what keeps the watermark from advancing; null if the answer is final, and with `known_at`' }),
  final,
  provisional: z
    .strictObject({ entrances: count('of the entrances'), exits: count('of the exits') })
    .meta({ description: 'how many of these came after the watermark, so that others may still come before them' }),
  late_events: count(
    'readings of the space that came after the watermark had passed them, at any time, as far back as its state reaches; null with `known_at`',
  ).nullable(),
  stale,
  as_of: z.string().meta(AS_OF),
};

export const explanation = resource('Explanation', 'What a count is made of', {
  space_id: id('the space'),
  timestamp: instant('the instant that is explained'),
  count: count('people in the space: `net + drift`'),
  net: z.int().meta({ description: "the reset's count plus the entrances minus the exits of all doorways" }),
  drift: count('exits that did not change the count because it was 0'),
  reset: z
    .strictObject(resetShape)
    .nullable()
    .meta({ description: 'the reset in force; null if there was none, so that the count starts from 0' }),
  ...terms,
});

export const intervalExplanation = resource('IntervalExplanation', 'How a count changed in an interval', {
  space_id: id('the space'),
  from: instant('inclusive'),
  to: instant('exclusive'),
  count_at_start: count('people in the space just before the start'),
  entrances: count('people who entered'),
  exits: count('people who left'),
  count_at_end: count('people in the space at the end'),
  resets: z
    .array(z.strictObject({ ...resetShape, count_before: count('the count just before the reset') }))
    .meta({ description: 'resets in the interval, oldest first' }),
  ...terms,
});
