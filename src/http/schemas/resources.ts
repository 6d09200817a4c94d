// The schemas of answers. They document the API, and tests check every answer against them.
import { z } from 'zod';
import { ADAPTERS } from '../../adapters/adapters.ts';
import { REJECT_REASONS } from '../../domain/reading.ts';
import { SCOPES } from '../auth/scope.ts';
import { AS_OF } from './known-at.ts';

/** Registers each schema under its name in the OpenAPI document. */
export const RESOURCES = z.registry<{ id: string }>();

export function resource<Shape extends z.core.$ZodLooseShape>(id: string, description: string, shape: Shape) {
  return z.strictObject(shape).meta({ description }).register(RESOURCES, { id });
}

export const id = (description: string) => z.int().min(1).meta({ description });
/** Documented by format and example, which say more than a pattern. */
export const instant = (description: string) =>
  z.string().meta({ format: 'date-time', description, examples: ['2018-02-24T08:45:21.893Z'] });
export const count = (description: string) => z.int().min(0).meta({ description });

const stamps = { created_at: instant('when it was created'), updated_at: instant('when it was last changed') };

export const space = resource('Space', 'A space that people enter and leave', {
  id: id('assigned by the service'),
  name: z.string().meta({ description: 'unique among all spaces that are not deleted' }),
  external_id: z.string().nullable().meta({ description: 'what your own systems call it' }),
  time_zone: z
    .string()
    .meta({ description: 'IANA time zone, which intervals and the daily reset follow', examples: ['Europe/Vienna'] }),
  daily_reset: z
    .string()
    .nullable()
    .meta({
      description: 'local time of day at which the count is reset to `daily_reset_count` every day',
      examples: ['04:00'],
    }),
  daily_reset_count: count('how many people are in the space at the daily reset'),
  capacity: z.int().min(0).nullable().meta({ description: 'how many people the space is for' }),
  ...stamps,
});

export const doorway = resource(
  'Doorway',
  'A threshold between spaces: direction 1 leads into the ingress space and out of the egress space',
  {
    id: id('assigned by the service'),
    name: z.string().meta({ description: 'unique among all doorways that are not deleted' }),
    external_id: z.string().nullable().meta({ description: 'what your own systems call it' }),
    ingress_space_id: id('the space that direction 1 leads into; null means outside').nullable(),
    egress_space_id: id('the space that direction 1 leads out of; null means outside').nullable(),
    ...stamps,
  },
);

export const dpu = resource('Dpu', 'A sensor above a doorway', {
  id: z.string().meta({ description: 'id of the sensor' }),
  doorway_id: id('the doorway at which the sensor is placed now; null for none').nullable(),
  counter_modulus: count('its counters wrap to 0 at this value; null if they do not wrap').nullable(),
  ...stamps,
});

export const unplacedDpu = resource('UnplacedDpu', 'A sensor that sent readings while it was at no doorway', {
  id: z.string().meta({ description: 'id of the sensor' }),
  device: z.string().meta({ description: 'the device or gateway that sends its readings' }),
  adapter: z.string().nullable().meta({
    description:
      "what reads the device's payloads: the adapter of the newest one that is stored; null where it sends readings itself",
  }),
  registered: z.boolean().meta({ description: 'true: place it with `PATCH /dpus/{id}`; false: with `POST /dpus`' }),
  doorway_id: id('where it is now: then only what it sent before is held; null for no doorway').nullable(),
  held: count('its readings that are held'),
  first_reading_at: instant('timestamp of the first of them'),
  last_reading_at: instant('timestamp of the newest of them'),
});

const adapterOptions = z.record(z.string(), z.unknown()).nullable();
export const device = resource('Device', 'A device, or a gateway, that sends payloads in a format of its own', {
  id: z.string().meta({ description: 'as URLs and subjects name it' }),
  adapter: z.string().meta({ description: 'the adapter that the options are for' }),
  options: adapterOptions.meta({ description: 'how its payloads are read; null for the defaults of the adapter' }),
  has_secret: z.boolean().meta({ description: 'true if it can send payloads with a secret of its own' }),
  ...stamps,
});

export const exclusion = resource(
  'Exclusion',
  'The readings of a sensor from `from`, inclusive, to `to`, exclusive, count in no space',
  {
    id: id('unique for the sensor'),
    from: instant('readings with this timestamp are excluded'),
    to: instant('readings with this timestamp count again'),
    reason: z.string(),
    recorded_at: instant('when the exclusion was recorded'),
  },
);

export const reset = resource('Reset', 'At `timestamp` there were `count` people in the space', {
  id: id('unique for the space'),
  timestamp: instant('the reset applies to readings after this instant'),
  count: count('how many people were in the space'),
  recorded_at: instant('when the reset was recorded'),
  updated_at: instant('when it was last changed; of two resets at the same instant the one changed later applies'),
});

export const readingAccepted = resource(
  'ReadingAccepted',
  'A reading that is stored in the log and will be counted exactly once',
  {
    id: z.string().nullable().meta({
      description:
        'its identity: sending the same reading again gives the same id and changes nothing; null for a reading without a timestamp, which counts each time it is sent',
    }),
    held: z.boolean().meta({
      description:
        'true if, as far as is known, the sensor was placed at no doorway at that instant; the reading counts once the sensor is placed',
    }),
  },
);

export const reading = resource('Reading', 'What one sensor reported', {
  id: z.string().meta({ description: '`<dpu>~<ms>~<measure>`, followed by `.<id>` if the sensor sends an id' }),
  dpu_id: z.string(),
  timestamp: instant('when the person passed, the interval ended, or the counters were read'),
  entrances: count(
    'people who are counted in direction 1; for a standing, the difference to its predecessor; for a superseded revision, and for a deleted one or a deleted standing, 0',
  ),
  exits: count('people who are counted in direction -1'),
  direction: z
    .union([z.literal(1), z.literal(-1)])
    .meta({ description: 'only for a reading of one person' })
    .optional(),
  start: instant('when the interval began; only if the sensor reported it').optional(),
  revision: count('the revision of its interval; only if the sensor reported it').optional(),
  total_entrances: count('the value of the counter of entrances; only for a standing').optional(),
  total_exits: count('the value of the counter of exits').optional(),
  counter_epoch: z.string().meta({ description: 'the run of the counters, if the sensor reported it' }).optional(),
  doorway_id: id(
    'the doorway where it counts; null if its sensor was not placed at that time, or if it is excluded or deleted',
  ).nullable(),
  excluded: z.boolean().meta({ description: 'true if it counts in no space, because of an exclusion of its sensor' }),
  deleted: z.boolean().meta({ description: 'true if it counts in no space, because somebody has deleted it' }),
});

const remark = z.strictObject({
  path: z.string().optional().meta({ description: 'where it is in the payload; absent if it is the whole payload' }),
  detail: z.string(),
});

export const payloadAccepted = resource(
  'PayloadAccepted',
  'The stored payload of a device, and the readings that its adapter derives from it',
  {
    device: z.string().meta({ description: 'the device for which it counts, or the gateway that sent it' }),
    readings: count('readings in it'),
    rejected: z
      .array(remark)
      .meta({ description: 'items that should have been readings and become dead letters; at most the first 100' }),
    skipped: z.array(remark).meta({ description: 'items that were understood and do not count' }),
  },
);

export const batchResult = resource('BatchResult', 'The result of a batch', {
  accepted: count('readings stored, including duplicates, which change nothing'),
  repeated: count('how many of these repeat another item of the batch; they count once'),
  rejected: z
    .array(
      z.strictObject({
        index: count('position in the batch, from 0'),
        path: z.string().meta({ description: 'the invalid field; empty if the whole item is invalid' }),
        detail: z.string(),
      }),
    )
    .meta({ description: 'readings that were not stored; at most the first 1,000' }),
  rejected_count: count('number of all rejected readings'),
});

const utilization = z
  .number()
  .min(0)
  .nullable()
  .meta({ description: 'count / capacity; null if there is no capacity' });
export const final = z.boolean().meta({
  description:
    'true if all readings up to that instant have arrived as far as is known; a late reading still corrects it',
});

export const watermark = instant(
  'all readings up to here have arrived as far as is known; null before the first reading',
).nullable();
export const stale = z
  .literal(true)
  .meta({ description: 'present if this is the last known count, which may be out of date' })
  .optional();

export const currentCount = resource('Count', 'How many people are in a space at an instant', {
  space_id: id('the space'),
  timestamp: instant('the instant of the count'),
  count: count('people in the space; never below 0'),
  net: z.int().meta({ description: 'count of the last reset plus entrances minus exits since' }),
  drift: count('count - net: how far the sensors contradict each other'),
  utilization,
  last_reading_at: instant(
    'timestamp of the newest reading that counts in the space at or before `timestamp`; null if there is none',
  ).nullable(),
  watermark,
  final,
  stale,
  as_of: z.string().meta(AS_OF).optional(),
});

export const countAfterEvent = resource('CountAfterEvent', 'How many people were in a space after an event', {
  space_id: id('the space'),
  timestamp: instant('when the person passed'),
  count: count('people in the space just after the event'),
  net: z.int().meta({ description: 'count of the last reset plus entrances minus exits since' }),
  delta: z.int().meta({ description: 'entrances minus exits of the event, applied as one change of the count' }),
  entrances: count('people who came in'),
  exits: count('people who went out'),
  reading_id: z.string().meta({ description: 'the reading that caused the event' }),
  final,
});

const intervalShape = {
  start: instant('inclusive'),
  end: instant('exclusive'),
  entrances: count('people who entered'),
  exits: count('people who left'),
  min: count('the smallest count, including the one just before the start, or that of a reset at the start'),
  max: count('the largest count, including the one just before the start, or that of a reset at the start'),
  count: count('the count at the end'),
  utilization,
  final,
};

export const interval = resource('Interval', 'What happened in a space during an interval', intervalShape);
export const spaceInterval = resource('SpaceInterval', 'What happened in one of several spaces during an interval', {
  space_id: id('the space'),
  ...intervalShape,
});

export const passageInterval = resource('PassageInterval', 'Who passed a doorway or a sensor during an interval', {
  start: instant('inclusive'),
  end: instant('exclusive'),
  entrances: count('people who passed in direction 1'),
  exits: count('people who passed in direction -1'),
  final,
});

/** Acknowledged messages that NATS has lost. A function, because a schema may be used in only one place. */
const loss = () =>
  z.strictObject({
    epoch: z.int().meta({ description: 'the epoch that began with the repair' }),
    at: z.string().meta({ description: 'when the loss was repaired', format: 'date-time' }),
    detail: z.string().meta({ description: 'for people: how many messages, between which sequences and times' }),
    readings: z.int().meta({
      description: 'lost messages of READINGS that had been routed; their readings still count if they were stored',
    }),
    commits: z.int().meta({ description: 'lost commits of SPACE_EVENTS; their readings were routed again' }),
    topology: z.int().meta({ description: 'lost entries of TOPOLOGY that could not be restored, at most' }),
  });

export const account = resource(
  'Account',
  'Where every reading went: accepted = applied + duplicate + held + excluded + deleted + dead_lettered',
  {
    accepted: count('read from the log'),
    applied: count('counted in a space'),
    duplicate: count('sent more than once'),
    held: count('waiting for their sensor to be placed'),
    excluded: count('left out by an exclusion of their sensor'),
    deleted: count('deleted by somebody, and neither held nor excluded'),
    dead_lettered: count('could not be used'),
    dead_letters: z.record(z.string(), z.int()).meta({
      description: `dead-lettered readings whose dead letters are kept, by reason: ${REJECT_REASONS.join(', ')}`,
    }),
    dead_letters_evicted: z.record(z.string(), z.int()).meta({
      description:
        'dead-lettered readings whose dead letters were removed because of their age or to free space, by reason',
    }),
    remainder: z.int().meta({ description: 'accepted minus the others; anything but 0 is a defect' }),
    stored: z
      .strictObject({
        readings: z.int().meta({ description: 'readings in ClickHouse, in the compared blocks' }),
        differences: z
          .array(
            z.strictObject({
              shard: z.int(),
              block: z.int().meta({ description: 'the last compared block' }),
              expected: z.int().meta({ description: 'readings in these blocks when they were stored' }),
              stored: z.int().meta({ description: 'readings of these blocks in ClickHouse' }),
            }),
          )
          .meta({ description: 'shards for which ClickHouse has fewer or more readings than were stored' }),
        unknown_shards: z.array(z.int()).meta({ description: 'shards that could not be compared' }),
        missing: z.int().nullable().meta({
          description: 'readings that the routers accepted and no shard has; null if unknown',
        }),
        findings: z.array(z.string()).meta({ description: 'what is wrong, and how to fix it' }),
      })
      .nullable()
      .meta({ description: 'the comparison with ClickHouse; null while ClickHouse is unavailable' }),
    losses: z.array(loss()).meta({
      description: 'losses since the installation was created, newest first; all of them repaired',
    }),
  },
);

export const health = resource('Health', 'Whether the cluster has problems', {
  status: z
    .enum(['ok', 'unavailable'])
    .meta({ description: '`unavailable` if there is any problem; most requests may still succeed' }),
  problems: z
    .array(
      z.strictObject({
        code: z.string().meta({
          description: 'kind of the problem; stable (docs/operations.md lists all)',
          examples: ['shard_without_owner'],
        }),
        detail: z.string().meta({ description: 'description of the problem, for people' }),
        shard: z.int().meta({ description: 'the affected shard' }).optional(),
        stream: z.string().meta({ description: 'the affected NATS stream' }).optional(),
        process: z
          .string()
          .meta({ description: 'the process that reports the problem; absent if all processes do' })
          .optional(),
      }),
    )
    .meta({ description: 'empty if there are none' }),
  losses: z
    .array(loss())
    .meta({ description: 'losses since the installation was created, newest first; all of them repaired' }),
});

export const principal = resource('Principal', 'The owner of a token', {
  name: z.string().nullable().meta({ description: 'as in the log; null if the service needs no tokens' }),
  scopes: z.array(z.enum(SCOPES)).meta({ description: '`admin` includes every other scope' }),
});

/** Like a document to import, but with every field. */
export const topologyExport = resource('TopologyExport', 'The topology as a document that can be imported', {
  spaces: z.array(
    z.strictObject({
      name: z.string(),
      external_id: z.string().nullable(),
      time_zone: z.string(),
      daily_reset: z.string().nullable(),
      daily_reset_count: z.int(),
      capacity: z.int().nullable(),
    }),
  ),
  doorways: z.array(
    z.strictObject({
      name: z.string(),
      external_id: z.string().nullable(),
      ingress_space: z.string().nullable(),
      egress_space: z.string().nullable(),
    }),
  ),
  dpus: z.array(
    z.strictObject({
      id: z.string(),
      counter_modulus: z.int().nullable(),
      placements: z.array(z.strictObject({ doorway: z.string().nullable(), from: instant('null: always').nullable() })),
    }),
  ),
  exclusions: z.array(
    z.strictObject({
      dpu_id: z.string(),
      from: instant('the first instant'),
      to: instant('the first instant after it'),
      reason: z.string(),
    }),
  ),
  devices: z.array(z.strictObject({ id: z.string(), adapter: z.enum([...ADAPTERS.keys()]), options: adapterOptions })),
});

export const problem = resource('Problem', 'An error, as RFC 9457 describes it', {
  type: z
    .string()
    .meta({ description: 'a URN for the kind of error', format: 'uri', examples: ['urn:density:problem:invalid'] }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'what is wrong, naming the invalid field' }),
  instance: z
    .string()
    .optional()
    .meta({ description: 'the requested path; absent if the request could not be parsed' }),
  request_id: z.string().meta({ description: 'id of the request in the log' }),
  errors: z
    .array(
      z.strictObject({
        path: z.string().meta({ description: 'the invalid field' }),
        detail: z.string(),
        position: z.int().optional().meta({ description: 'offset of the error in the text of the field, from 0' }),
        line: z.int().optional().meta({ description: 'line of an imported document, from 1' }),
      }),
    )
    .optional(),
});
