// What the API answers, as schemas: they document, and tests hold the answers to them.
import { z } from 'zod';

/** Schemas by the name they have in the OpenAPI document. */
export const RESOURCES = z.registry<{ id: string }>();

function resource<Shape extends z.core.$ZodLooseShape>(id: string, description: string, shape: Shape) {
  return z.strictObject(shape).meta({ description }).register(RESOURCES, { id });
}

const id = (description: string) => z.int().min(1).meta({ description });
/** What clients see of an instant; `format` and an example say more than a pattern. */
const instant = (description: string) =>
  z.string().meta({ format: 'date-time', description, examples: ['2018-02-24T08:45:21.893Z'] });
const count = (description: string) => z.int().min(0).meta({ description });

const stamps = { created_at: instant('when it was made'), updated_at: instant('when it was last written') };

export const space = resource('Space', 'Somewhere people can be', {
  id: id('given by the service'),
  name: z.string().meta({ description: 'unique among the spaces' }),
  time_zone: z
    .string()
    .meta({ description: 'IANA zone: days, weeks and the daily reset follow it', examples: ['Europe/Vienna'] }),
  daily_reset: z
    .string()
    .nullable()
    .meta({ description: 'local time of day at which the space is empty every day', examples: ['04:00'] }),
  capacity: z.int().min(0).nullable().meta({ description: 'how many people it is for' }),
  ...stamps,
});

export const doorway = resource(
  'Doorway',
  'A threshold: a reading with direction 1 goes into the ingress space and out of the egress space',
  {
    id: id('given by the service'),
    name: z.string().meta({ description: 'unique among the doorways' }),
    ingress_space_id: id('the space that 1 leads into').nullable(),
    egress_space_id: id('the space that 1 leads out of; null is outside').nullable(),
    ...stamps,
  },
);

export const dpu = resource('Dpu', 'A sensor above a doorway', {
  id: z.string().meta({ description: 'its own name' }),
  doorway_id: id('the doorway it is above now; null is none').nullable(),
  counter_modulus: count('its counters go on from 0 when they reach this; null where they do not wrap').nullable(),
  ...stamps,
});

export const placement = resource('Placement', 'A sensor was above a doorway from `from` until just before `to`', {
  doorway_id: id('null is above none').nullable(),
  from: instant('null is the beginning of time').nullable(),
  to: instant('null while it holds').nullable(),
});

export const reset = resource('Reset', 'At `timestamp` the space held `count` people', {
  timestamp: instant('holds for readings after it'),
  count: count('how many people there were'),
  recorded_at: instant('when somebody said so; of two at one instant the later recorded one holds'),
});

export const readingAccepted = resource(
  'ReadingAccepted',
  'A reading that is stored in the log and will be counted once',
  {
    id: z.string().nullable().meta({
      description:
        'its identity: sending the same reading again gives the same id and changes nothing; null for a reading without a timestamp, which counts each time it is sent',
    }),
    held: z.boolean().meta({
      description:
        'true where the sensor was above no doorway then, as far as is known: it counts once the sensor is placed there',
    }),
  },
);

export const reading = resource('Reading', 'What one sensor reported', {
  id: z.string().meta({ description: '`<dpu>~<ms>~<what it reports>`, then `.<id>` where the sensor sends an id' }),
  dpu_id: z.string(),
  timestamp: instant('when the person passed, the interval ended, or the counters stood there'),
  entrances: count('people who passed in the direction 1; of a standing, the difference to the one before'),
  exits: count('people who passed in the direction -1'),
  direction: z
    .union([z.literal(1), z.literal(-1)])
    .meta({ description: 'there when it is of one person' })
    .optional(),
  start: instant('when the interval began; there when the sensor said so').optional(),
  total_entrances: count('where the counter of entrances stood; there when it is a standing').optional(),
  total_exits: count('where the counter of exits stood').optional(),
  counter_epoch: z.string().meta({ description: 'the life of the counters, where the sensor named it' }).optional(),
  doorway_id: id('the doorway it counts at; null while its sensor is not placed there and then').nullable(),
});

export const batchResult = resource('BatchResult', 'What became of a batch', {
  accepted: count('readings stored; those that were there before count too, and change nothing'),
  repeated: count('of these, how many say what another item of the batch says: together they count once'),
  rejected: z
    .array(
      z.strictObject({
        index: count('place in the batch, from 0'),
        path: z.string().meta({ description: 'the field at fault; empty when it is the whole' }),
        detail: z.string(),
      }),
    )
    .meta({ description: 'readings that were not stored, the first 1,000 of them' }),
  rejected_count: count('all of them'),
});

const utilization = z.number().min(0).nullable().meta({ description: 'count / capacity; null without a capacity' });
const final = z
  .boolean()
  .meta({ description: 'true when all readings up to there are believed to be in; a late one still corrects it' });

export const currentCount = resource('Count', 'How many people are in a space at an instant', {
  space_id: id('the space'),
  timestamp: instant('the instant'),
  count: count('people; never below 0'),
  net: z.int().meta({ description: 'the last reset plus all entrances minus all exits since' }),
  drift: count('count - net: how much the sensors contradict themselves'),
  utilization,
  last_reading_at: instant('the newest reading of the space; null when there is none').nullable(),
  watermark: instant('all readings up to here are believed to be in; null before the first').nullable(),
  final,
  stale: z
    .literal(true)
    .meta({ description: 'there when it is what was last known, and may be out of date' })
    .optional(),
});

export const countAfterEvent = resource('CountAfterEvent', 'How many people were in a space after one passed', {
  space_id: id('the space'),
  timestamp: instant('when the person passed'),
  count: count('people, just after'),
  net: z.int().meta({ description: 'the last reset plus all entrances minus all exits since' }),
  delta: z.int().meta({ description: 'entrances minus exits, which are one change of the count' }),
  entrances: count('people who came in'),
  exits: count('people who went out'),
  reading_id: z.string().meta({ description: 'the reading behind it' }),
  final,
});

const intervalShape = {
  start: instant('inclusive'),
  end: instant('exclusive'),
  entrances: count('people who came in'),
  exits: count('people who went out'),
  min: count('the least count, that just before the start included, or of a reset at the start'),
  max: count('the largest count, that just before the start included, or of a reset at the start'),
  count: count('the count at the end'),
  utilization,
  final,
};

export const interval = resource('Interval', 'What happened in a space during an interval', intervalShape);
export const spaceInterval = resource('SpaceInterval', 'What happened in one of several spaces during an interval', {
  space_id: id('the space'),
  ...intervalShape,
});

/** What NATS lost of what it had acknowledged, found and repaired. Made for each place it is used in. */
const loss = () =>
  z.strictObject({
    epoch: z.int().meta({ description: 'the epoch of the logs that the repair began' }),
    at: z.string().meta({ description: 'when it was repaired', format: 'date-time' }),
    detail: z
      .string()
      .meta({ description: 'a sentence for people: how many messages, between which sequences and times' }),
    readings: z.int().meta({
      description: 'messages of READINGS that had been routed; what they said is counted where it was stored',
    }),
    commits: z.int().meta({ description: 'commits of SPACE_EVENTS; what they said was routed again' }),
    topology: z.int().meta({ description: 'entries of TOPOLOGY that could not be put back, at most' }),
  });

export const account = resource(
  'Account',
  'What became of every reading: accepted = applied + duplicate + held + dead_lettered',
  {
    accepted: count('taken from the log'),
    applied: count('counted in a space'),
    duplicate: count('sent more than once'),
    held: count('kept until their sensor is placed'),
    dead_lettered: count('of no use'),
    dead_letters: z.record(z.string(), z.int()).meta({ description: 'by reason, those whose letters are kept' }),
    dead_letters_evicted: z
      .record(z.string(), z.int())
      .meta({ description: 'by reason, those whose letters were removed by age or for want of room' }),
    remainder: z.int().meta({ description: 'anything but 0 is a defect' }),
    stored: z
      .strictObject({
        readings: z.int().meta({ description: 'readings that ClickHouse holds, in the blocks that were compared' }),
        differences: z
          .array(
            z.strictObject({
              shard: z.int(),
              block: z.int().meta({ description: 'compared were the blocks up to this one' }),
              expected: z.int().meta({ description: 'readings that these blocks had when they were stored' }),
              stored: z.int().meta({ description: 'readings that ClickHouse holds of them' }),
            }),
          )
          .meta({ description: 'the shards of which ClickHouse holds less or more than was stored' }),
        unknown_shards: z.array(z.int()).meta({ description: 'the shards that could not be compared' }),
        missing: z.int().nullable().meta({
          description: 'readings that the routers accepted and no shard has; null where that cannot be known now',
        }),
        findings: z.array(z.string()).meta({ description: 'what is wrong, and what can be done about it' }),
      })
      .nullable()
      .meta({ description: 'the comparison with ClickHouse; null while that cannot be asked' }),
    losses: z.array(loss()).meta({
      description: 'what NATS has lost in the life of the installation, the newest first; all of it repaired',
    }),
  },
);

export const health = resource('Health', 'Whether all is well in the cluster', {
  status: z
    .enum(['ok', 'unavailable'])
    .meta({ description: '`unavailable` when there is any problem: something, not everything, cannot be had' }),
  problems: z
    .array(
      z.strictObject({
        code: z.string().meta({
          description: 'what kind of problem it is; stable (docs/operations.md has the list)',
          examples: ['shard_without_owner'],
        }),
        detail: z.string().meta({ description: 'a sentence for people' }),
        shard: z.int().meta({ description: 'the shard it concerns' }).optional(),
        stream: z.string().meta({ description: 'the stream of NATS it concerns' }).optional(),
        process: z.string().meta({ description: 'the process that sees it; none where every process does' }).optional(),
      }),
    )
    .meta({ description: 'none when all is well' }),
  losses: z
    .array(loss())
    .meta({ description: 'in the life of the installation, the newest first; all of them repaired' }),
});

export const problem = resource('Problem', 'An error, as RFC 9457 describes it', {
  type: z
    .string()
    .meta({ description: 'a name for the kind of error', format: 'uri', examples: ['urn:density:problem:invalid'] }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'what is wrong, and with which field' }),
  instance: z
    .string()
    .optional()
    .meta({ description: 'the path that was asked for; not there where the request could not be read' }),
  request_id: z.string().meta({ description: 'what the log has this request under' }),
  errors: z
    .array(
      z.strictObject({
        path: z.string().meta({ description: 'the field at fault' }),
        detail: z.string(),
        position: z.int().optional().meta({ description: 'where in its text, from 0' }),
      }),
    )
    .optional(),
});
