// The schemas of request bodies.
import { z } from 'zod';
import { ADAPTERS } from '../../adapters/adapters.ts';
import { TOTAL_MAX } from '../../domain/measure.ts';
import { hasVisibleCharacter } from '../../domain/name.ts';
import { PEOPLE_MAX } from '../../domain/topology.ts';
import { isTimeZone } from '../../domain/zone.ts';
import { REJECT_REASONS } from '../../domain/reading.ts';
import { doorwayId, dpuId, instant, shift, spaceId } from './fields.ts';

/** Registers each schema under its name in the OpenAPI document. */
export const BODIES = z.registry<{ id: string }>();

const name = z
  .string('must be text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have at most 200 characters')
  .refine((text) => text === '' || hasVisibleCharacter(text), 'must have a visible character')
  .refine((text) => !text.includes('\0'), 'must not contain NUL (U+0000)')
  .meta({
    description:
      'unique among all that are not deleted, compared in Unicode NFC; it has a visible character and no NUL (U+0000)',
  });

const externalId = z
  .string('must be text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have at most 200 characters')
  .nullable()
  .meta({
    description:
      'what your own systems call it, for `density topology import`; unique like the name, and different from the names of others',
  });

const people = z
  .int('must be a whole number')
  .min(0, 'must not be negative')
  .max(PEOPLE_MAX, `must be at most ${PEOPLE_MAX}`);

export const space = {
  name,
  external_id: externalId,
  time_zone: z
    .string('must be text')
    .refine(isTimeZone, 'must be an IANA time zone, such as Europe/Vienna')
    .meta({ description: 'IANA time zone, which intervals and the daily reset follow', examples: ['Europe/Vienna'] }),
  daily_reset: z
    .string('must be text')
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, such as 04:00')
    .nullable()
    .meta({
      description: 'local time of day at which the count is reset to `daily_reset_count` every day',
      examples: ['04:00'],
    }),
  daily_reset_count: people.meta({ description: 'how many people are in the space at the daily reset' }),
  capacity: people.nullable().meta({ description: 'how many people the space is for' }),
};

/** All fields of a space; one that is left out gets its default. */
export const spaceBody = z
  .strictObject({
    name: space.name,
    external_id: space.external_id.optional(),
    time_zone: space.time_zone.default('UTC'),
    daily_reset: space.daily_reset.default(null),
    daily_reset_count: space.daily_reset_count.optional(),
    capacity: space.capacity.default(null),
  })
  .register(BODIES, { id: 'SpaceBody' });
/** A field that is left out is unchanged. */
export const spacePatch = z.strictObject(space).partial().register(BODIES, { id: 'SpacePatch' });

export const doorway = {
  name,
  external_id: externalId,
  ingress_space_id: spaceId.nullable().meta({ description: 'the space that direction 1 leads into' }),
  egress_space_id: spaceId
    .nullable()
    .meta({ description: 'the space that direction 1 leads out of; null means outside' }),
};
export const doorwayBody = z
  .strictObject({
    name,
    external_id: doorway.external_id.optional(),
    ingress_space_id: doorway.ingress_space_id.default(null),
    egress_space_id: doorway.egress_space_id.default(null),
  })
  .register(BODIES, { id: 'DoorwayBody' });
export const doorwayPatch = z.strictObject(doorway).partial().register(BODIES, { id: 'DoorwayPatch' });

const placement = {
  doorway_id: doorwayId.nullable().meta({ description: 'the doorway at which the sensor is placed; null for none' }),
  effective_at: instant.optional().meta({
    description:
      'when the placement takes effect, in the past or the future; default: now, or for a first placement the beginning of time',
  }),
};
/** The modulus of a counter with 32 bits. */
const COUNTER_MODULUS_MAX = TOTAL_MAX + 1;
export const counterModulus = z.int().min(2).max(COUNTER_MODULUS_MAX).nullable().meta({
  description:
    'its counters wrap to 0 at this value, 65536 for 16 bits; null if they do not wrap. All differences of its standings are recomputed when it changes',
});
export const dpuBody = z
  .strictObject({
    id: dpuId,
    doorway_id: placement.doorway_id.default(null),
    effective_at: placement.effective_at,
    counter_modulus: counterModulus.optional(),
  })
  .register(BODIES, { id: 'DpuBody' });
/** All fields of a sensor. The id is allowed because clients send back the object that they received. */
export const dpuPut = z
  .strictObject({
    id: dpuId.optional(),
    doorway_id: placement.doorway_id.default(null),
    effective_at: placement.effective_at,
    counter_modulus: counterModulus.optional(),
  })
  .register(BODIES, { id: 'DpuPut' });
export const dpuPatch = z
  .strictObject({
    id: dpuId.optional(),
    doorway_id: placement.doorway_id.optional(),
    effective_at: placement.effective_at,
    counter_modulus: counterModulus.optional(),
  })
  .register(BODIES, { id: 'DpuPatch' });

const SECRET = /^[\x21-\x7e]{16,128}$/;
export const adapterName = z
  .enum([...ADAPTERS.keys()], `must be one of ${[...ADAPTERS.keys()].join(', ')}`)
  .meta({ description: 'reads the payloads of the device' });
/** Of the options of a device as JSON without white space, in UTF-8. A row of a CSV document holds as many. */
export const OPTIONS_BYTES_MAX = 90_000;
export const OPTIONS_DESCRIPTION =
  'as docs/devices.md describes for the adapter, at most 90,000 bytes as JSON in UTF-8; null for its defaults';
export const deviceOptions = z
  .record(z.string(), z.unknown())
  .refine(
    (options) => Buffer.byteLength(JSON.stringify(options)) <= OPTIONS_BYTES_MAX,
    `must have at most ${OPTIONS_BYTES_MAX} bytes as JSON in UTF-8`,
  )
  .nullable();
export const deviceBody = z
  .strictObject({
    adapter: adapterName,
    options: deviceOptions.optional().meta({
      description: `${OPTIONS_DESCRIPTION}. Left out: as they are, or the defaults of another adapter`,
    }),
    secret: z
      .string('must be text')
      .regex(SECRET, 'must have 16 to 128 printable ASCII characters without white space')
      .nullable()
      .optional()
      .meta({
        description:
          'with it the device can send its payloads without a token. It is stored as a hash and never returned. Left out: as it is; null: none',
        examples: ['q5Yd0gWw4sT1cXk7'],
      }),
  })
  .register(BODIES, { id: 'DeviceBody' });

export const resetBody = z
  .strictObject({
    timestamp: instant.meta({ description: 'the reset applies to readings after this instant' }),
    count: people.meta({ description: 'how many people were in the space' }),
  })
  .register(BODIES, { id: 'ResetBody' });

const REASON_LENGTH_MAX = 500;
export const reasonText = z
  .string('must be text')
  .trim()
  .min(1, 'must not be empty')
  .max(REASON_LENGTH_MAX, `must have at most ${REASON_LENGTH_MAX} characters`);
export const exclusionBody = z
  .strictObject({
    from: instant.meta({ description: 'readings with this timestamp are the first that are excluded' }),
    to: instant.meta({ description: 'readings with this timestamp are the first that count again' }),
    reason: reasonText.meta({ description: 'why they do not count', examples: ['the cleaning crew'] }),
  })
  .register(BODIES, { id: 'ExclusionBody' });

/** A field that is left out is unchanged. */
export const resetPatch = resetBody.partial().register(BODIES, { id: 'ResetPatch' });

/** Which dead letters to replay, and how. A field that is left out selects all. */
export const replayBody = z
  .strictObject({
    dpu_id: z
      .string('must be text')
      .min(1, 'must not be empty')
      .max(1_000, 'is too long')
      .optional()
      .meta({ description: 'the sensor named by the subject, or the text in its place', examples: ['423'] }),
    reason: z
      .enum(REJECT_REASONS, `must be one of ${REJECT_REASONS.join(', ')}`)
      .optional()
      .meta({ description: 'why they were rejected' }),
    start: instant.optional().meta({ description: 'stored at or after' }),
    end: instant.optional().meta({ description: 'stored before' }),
    shift: shift.optional(),
    to_dpu_id: dpuId
      .optional()
      .meta({ description: 'the sensor for which the readings are sent; default: the sensor that sent them' }),
    dry_run: z.boolean('must be true or false').default(false).meta({ description: 'only report what would be done' }),
  })
  .register(BODIES, { id: 'ReplayBody' });
