// The fields of requests, as zod schemas: they validate, they type.
import { z } from 'zod';
import { DPU_ID_RULE, isDpuId, type DoorwayId, type SpaceId } from '../domain/ids.ts';
import { parseInstant } from '../domain/instant.ts';
import { isTimeZone } from '../domain/zone.ts';

const instantError = 'must be an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';

/** Milliseconds. */
export const instant = z.string(instantError).transform((text, context) => {
  const parsed = parseInstant(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: instantError });
  return z.NEVER;
});

const positive = z.int('must be a whole number').min(1, 'must be at least 1');
export const spaceId = positive.transform((id) => id as SpaceId);
export const doorwayId = positive.transform((id) => id as DoorwayId);
const numberInPath = z.string().regex(/^\d{1,9}$/, 'must be a whole number').transform(Number);
export const spaceIdInPath = numberInPath.transform((id) => id as SpaceId);
export const doorwayIdInPath = numberInPath.transform((id) => id as DoorwayId);
export const dpuId = z.union([z.string(), z.int().transform(String)], `must be ${DPU_ID_RULE}`)
  .refine(isDpuId, `must be ${DPU_ID_RULE}`);

const name = z.string('must be text').trim().min(1, 'must not be empty').max(200, 'must have at most 200 characters');

const space = {
  name,
  time_zone: z.string('must be text').refine(isTimeZone, 'must be an IANA time zone, such as Europe/Vienna'),
  daily_reset: z.string('must be text').regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, such as 04:00').nullable(),
  capacity: z.int('must be a whole number').min(0, 'must not be negative').nullable(),
};

export const spaceBody = z.strictObject({
  name: space.name, time_zone: space.time_zone.default('UTC'), daily_reset: space.daily_reset.default(null), capacity: space.capacity.default(null),
});
export const spacePatch = z.strictObject(space).partial();

const doorway = { name, ingress_space_id: spaceId.nullable(), egress_space_id: spaceId.nullable() };
export const doorwayBody = z.strictObject({ name, ingress_space_id: doorway.ingress_space_id.default(null), egress_space_id: doorway.egress_space_id.default(null) });
export const doorwayPatch = z.strictObject(doorway).partial();

const placement = { doorway_id: doorwayId.nullable(), effective_at: instant.optional() };
export const dpuBody = z.strictObject({ id: dpuId, doorway_id: placement.doorway_id.default(null), effective_at: placement.effective_at });
/** The id may be repeated, as clients send back what they were given. */
export const dpuPatch = z.strictObject({ id: dpuId.optional(), doorway_id: placement.doorway_id.optional(), effective_at: placement.effective_at });
export const dpuDelete = z.strictObject({ effective_at: placement.effective_at });

export const resetBody = z.strictObject({ timestamp: instant, count: z.int('must be a whole number').min(0, 'must not be negative') });

export const currentQuery = z.strictObject({ at: instant.optional() });
export const intervalsQuery = z.strictObject({ start: instant.optional(), end: instant.optional(), interval: z.string().default('15m') });

export const pageQuery = z.strictObject({
  limit: z.coerce.number('must be a number').int('must be a whole number').min(1, 'must be at least 1').max(1000, 'must be at most 1000').default(25),
  offset: z.coerce.number('must be a number').int('must be a whole number').min(0, 'must not be negative').default(0),
});
