// The schemas of dry runs.
import { z } from 'zod';
import { count, final, id, instant, resource, stale, watermark } from './resources.ts';

/** Functions, because a schema may be used in only one place. */
const attribution = (description: string) =>
  z
    .strictObject({
      state: z.enum(['counted', 'held', 'excluded', 'deleted']).meta({
        description:
          'held: the sensor is above no doorway; excluded: in an exclusion of the sensor; deleted: a person deleted the reading',
      }),
      doorway_id: id('the doorway that the sensor is above; null for none').nullable(),
      ingress_space_id: id('the space that entrances count into; null for none').nullable(),
      egress_space_id: id('the space that entrances count out of; null for none').nullable(),
      entrances: count('entrances in these readings, as the sensor sees them'),
      exits: count('exits in these readings, as the sensor sees them'),
    })
    .meta({ description });

const atInstant = (description: string) =>
  z
    .strictObject({
      count: count('people in the space'),
      net: z.int().meta({ description: 'count of the last reset plus entrances minus exits since' }),
      drift: count('count - net'),
      last_reading_at: instant('the newest reading that counts; null if there is none').nullable(),
    })
    .meta({ description });

const inInterval = (description: string) =>
  z
    .strictObject({
      entrances: count('people who entered'),
      exits: count('people who left'),
      min: count('smallest count'),
      max: count('largest count'),
      count: count('people in the space at the end'),
    })
    .meta({ description });

export const asOf = () =>
  z.string().meta({
    description: 'the place in the log of the topology that this is about; `if-match` takes it when the change is made',
    examples: ['topology-57-1br58n9'],
  });

export const dryRun = resource('DryRun', 'What a change of the topology would do to counts; nothing was changed', {
  dry_run: z.literal(true),
  as_of: asOf(),
  readings: count('how many readings would be corrected'),
  corrections: z
    .array(
      z.strictObject({
        dpu_id: z.string().meta({ description: 'the sensor' }),
        readings: count('how many of its readings'),
        first_reading_at: instant('the oldest of them'),
        last_reading_at: instant('the newest of them'),
        from: attribution('where they count now'),
        to: attribution('where they would count'),
      }),
    )
    .meta({ description: 'by sensor, and by where its readings count now and would count' }),
  spaces: z
    .array(
      z.strictObject({
        space_id: id('the space'),
        timestamp: instant('now'),
        before: atInstant('the count now'),
        after: atInstant('the count as it would be'),
        from: instant('counts before this instant stay as they are; null: since the beginning').nullable(),
        to: instant(
          'counts from this instant on stay as they are, because of a reset; just after now if there is none',
        ),
        interval: z.enum(['1h', '1d']).meta({ description: 'by the hour for a span of at most a week' }),
        intervals: z
          .array(
            z.strictObject({
              start: instant('inclusive, by the clock of the space'),
              end: instant('exclusive'),
              before: inInterval('as it is'),
              after: inInterval('as it would be'),
              final: z.boolean().meta({ description: 'true if it is at or before the watermark' }),
            }),
          )
          .meta({
            description:
              'the intervals that the change would alter, oldest first: at most the first 1,000 within the newest ten years',
          }),
        intervals_left_out: count('how many more there are'),
        watermark,
        final: final.meta({ description: 'true if everything from `from` to `to` is at or before the watermark' }),
        stale,
      }),
    )
    .meta({ description: 'the spaces whose counts could differ; a space that is not listed keeps all of its counts' }),
});
