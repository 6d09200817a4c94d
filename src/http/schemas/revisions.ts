// The schemas of what has changed in a span since an earlier moment.
import { z } from 'zod';
import { REVISION_KINDS } from '../../counts/revisions.ts';
import { AS_OF } from './known-at.ts';
import { count, final, id, instant, resource, stale, watermark } from './resources.ts';

const whole = (description: string) => z.int().meta({ description });

const spanCount = (description: string) =>
  z
    .strictObject({
      entrances: count('people who entered in the span'),
      exits: count('people who left'),
      count: count('people in the space at the end of the span: `net + drift`'),
      net: whole("the reset's count plus all entrances minus all exits since"),
      drift: count('exits that did not change the count because it was 0'),
      final,
    })
    .meta({ description });

const revision = z.strictObject({
  kind: z.enum(REVISION_KINDS).meta({
    description:
      'late_readings: arrived since, and their time was final already. new_readings: arrived since, and their time was not final yet. move, counter_modulus, doorway (its spaces), exclusion, exclusion_removed, deletion, restoration (of a reading), reset and space (its daily reset or time zone): changes of the topology. changes: several of these, which cannot be told apart, or are not known. repair: of the logs. unknown: stored by an earlier version of the service. others: the sum of all revisions that are not listed',
  }),
  changes: z
    .array(
      z.strictObject({
        sequence: whole('of the entry in the topology log'),
        by: z
          .string()
          .nullable()
          .meta({ description: 'who made the change, as in the audit; null if it is not known' }),
        at: instant('when it was made'),
        audit_url: z.string().meta({ description: 'the change in the audit' }),
      }),
    )
    .meta({ description: 'what was changed in the topology; empty for readings, and if it is not known' }),
  doorway_id: id('the doorway, if it is about one').nullable(),
  dpu_id: z.string().nullable().meta({ description: 'the sensor, if it is about one' }),
  entrances: whole('how many entrances of the span this added; negative if it took some away'),
  exits: whole('likewise of exits'),
  net: whole('by how much it changed `net` at the end of the span; readings before the span do, too'),
  added: count('readings that it counted in the space'),
  removed: count('readings that it took out of it. A reading that was replaced is in both'),
  first: instant('the first of these readings; for a reset, its instant').nullable(),
  last: instant('the last of them').nullable(),
  readings_url: z
    .string()
    .nullable()
    .meta({ description: 'the readings of the sensor from the first to the last, as far as they are stored' }),
});

export const revisions = resource('Revisions', 'What has changed in a span of a space since an earlier moment', {
  space_id: id('the space'),
  from: instant('start of the span, inclusive'),
  to: instant('end of the span, exclusive'),
  since: z
    .string()
    .meta({ ...AS_OF, description: 'the place of the earlier moment: `known_at` takes it, and gives `before`' }),
  before: spanCount('what was known of the span then'),
  after: spanCount('what is known of it now'),
  difference: z
    .strictObject({
      entrances: whole('the sum of all revisions'),
      exits: whole('the sum of all revisions'),
      count: whole('the changes of `net` and of `drift`'),
      net: whole('the sum of all revisions'),
      drift: whole('depends on the order of all events, so it belongs to no revision'),
    })
    .meta({ description: '`after` minus `before`' }),
  revisions: z.array(revision).meta({
    description:
      'changes of the topology in their order, then late readings by doorway and sensor, the most people first, then the rest',
  }),
  watermark,
  stale,
  as_of: z.string().meta(AS_OF),
});
