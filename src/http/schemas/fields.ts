// The fields of requests. `field` puts the JSON Schema that clients see next to the function that parses the value,
// so that one declaration validates, types and documents.
import { Duration } from 'luxon';
import { z } from 'zod';
import { ID_PATTERN, DPU_ID_RULE, isDpuId, type DoorwayId, type DpuId, type SpaceId } from '../../domain/ids.ts';
import { parseInstant } from '../../domain/instant.ts';
import { DAY_MS } from '../../domain/zone.ts';

export interface FieldDoc {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly object[];
  readonly items?: object;
  readonly required?: readonly string[];
  readonly properties?: object;
  readonly examples?: readonly unknown[];
}

/**
 * @param parse returns undefined for an invalid value
 */
export function field<T>(doc: FieldDoc, error: string, parse: (value: unknown) => T | undefined) {
  return z
    .unknown()
    .meta({ ...doc })
    .transform((value, context): T => {
      const found = parse(value);
      if (found !== undefined) return found;
      context.addIssue({ code: 'custom', message: value === undefined ? `is required, and ${error}` : error });
      return z.NEVER;
    });
}

const INSTANT_ERROR = 'must be an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';
const INSTANT = { type: 'string', format: 'date-time', examples: ['2018-02-24T08:45:21.893Z'] } as const;

/** Parsed to milliseconds. */
export const instant = field({ ...INSTANT, description: 'ISO 8601, with any offset' }, INSTANT_ERROR, (value) =>
  typeof value === 'string' ? parseInstant(value) : undefined,
);

/** A client that does not encode the plus of `+01:00` in a query sends a space. */
export const instantInQuery = (description: string) =>
  field({ ...INSTANT, description }, INSTANT_ERROR, (value) =>
    typeof value === 'string' ? parseInstant(value.replace(/ (?=\d\d:?\d\d$)/, '+')) : undefined,
  );

/** ClickHouse stores ids as UInt32. */
const ID_MAX = 4_294_967_295;
const id = z.int('must be a whole number').min(1, 'must be at least 1').max(ID_MAX, 'is too large');
export const spaceId = id.transform((value) => value as SpaceId);
export const doorwayId = id.transform((value) => value as DoorwayId);

const wholeNumberIn = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
export const spaceIdInPath = field(
  { type: 'integer', minimum: 1, description: 'id of the space', examples: [1] },
  'must be a whole number',
  (value) => wholeNumberIn(value) as SpaceId | undefined,
);
export const doorwayIdInPath = field(
  { type: 'integer', minimum: 1, description: 'id of the doorway', examples: [1] },
  'must be a whole number',
  (value) => wholeNumberIn(value) as DoorwayId | undefined,
);

/** The number of something that belongs to another resource. */
export const numberInPath = (what: string) =>
  field(
    { type: 'integer', minimum: 1, description: `id of ${what}`, examples: [1] },
    'must be a whole number',
    wholeNumberIn,
  );

const SPACE_IDS = /^\d{1,10}(,\d{1,10})*$/;
/** `1,2,3`: duplicates are removed, the order is kept. */
export const spaceIdsInQuery = (idsMax: number, note = '') =>
  field(
    {
      type: 'string',
      pattern: SPACE_IDS.source,
      description: `ids of up to ${idsMax} spaces, separated by commas${note}`,
      examples: ['1,2'],
    },
    `must be the ids of at most ${idsMax} spaces, separated by commas, such as 1,2,3`,
    (value) => {
      if (typeof value !== 'string' || !SPACE_IDS.test(value)) return undefined;
      const ids = [...new Set(value.split(',').map(Number))] as SpaceId[];
      return ids.length <= idsMax ? ids : undefined;
    },
  );

const DPU_ID = {
  type: 'string',
  pattern: ID_PATTERN.source,
  description: `id of the sensor: ${DPU_ID_RULE}`,
  examples: ['423'],
} as const;
const dpuIdOf = (value: unknown): DpuId | undefined => {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return isDpuId(text) ? text : undefined;
};
export const dpuIdInPath = field(DPU_ID, `must be ${DPU_ID_RULE}`, dpuIdOf);
/** JSON bodies may also contain the id as a number. */
export const dpuId = field(
  {
    anyOf: [DPU_ID, { type: 'integer' }],
    description: `${DPU_ID_RULE}; a whole number is accepted too`,
    examples: ['423'],
  },
  `must be ${DPU_ID_RULE}`,
  dpuIdOf,
);

export const wholeNumberInQuery = (doc: {
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
}) =>
  field({ type: 'integer', ...doc }, `must be a whole number from ${doc.minimum} to ${doc.maximum}`, (value) => {
    const number = wholeNumberIn(value);
    return number !== undefined && number >= doc.minimum && number <= doc.maximum ? number : undefined;
  });

export const booleanInQuery = (description: string) =>
  field({ type: 'boolean', description }, 'must be true or false', (value) => {
    // Clients of the earlier service send `?desc` without a value.
    if (value === '' || value === 'true' || value === '1') return true;
    return value === 'false' || value === '0' ? false : undefined;
  });

export const staleInQuery = booleanInQuery(
  'true returns the last known count, marked as stale, if the answer would otherwise be 503',
)
  .prefault('false')
  .meta({ default: false });

/** A thousand years: longer than any duration that `SHIFT` matches, and far more than a clock that starts in 1970 is off. */
const SHIFT_MAX_MS = 1_000 * 366 * DAY_MS;
/** Without years and months, whose length depends on the calendar. */
const SHIFT =
  /^[+-]?P(?:\d{1,4}W|\d{1,5}D|(?:\d{1,5}D)?T(?:\d{1,6}H|(?:\d{1,6}H)?\d{1,8}M|(?:\d{1,6}H)?(?:\d{1,8}M)?\d{1,9}S))$/;

/** Parsed to milliseconds. */
export const shift = field(
  {
    anyOf: [
      { type: 'integer', minimum: -SHIFT_MAX_MS, maximum: SHIFT_MAX_MS },
      { type: 'string', pattern: SHIFT.source },
    ],
    description:
      'added to the timestamps: milliseconds, or an ISO 8601 duration of weeks, days, hours, minutes and seconds',
    examples: ['-PT1H', -3_600_000],
  },
  'must be milliseconds, or an ISO 8601 duration such as -PT1H, of at most 1,000 years',
  (value) => {
    const ms = typeof value === 'string' && SHIFT.test(value) ? Duration.fromISO(value).toMillis() : value;
    return Number.isSafeInteger(ms) && Math.abs(ms as number) <= SHIFT_MAX_MS ? (ms as number) : undefined;
  },
);
