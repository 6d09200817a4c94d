// The fields requests are made of. A schema validates, types and documents: `field` gives it the JSON Schema a client
// sees next to the function that reads it.
import { z } from 'zod';
import { DPU_ID_RULE, isDpuId, type DoorwayId, type DpuId, type SpaceId } from '../../domain/ids.ts';
import { parseInstant } from '../../domain/instant.ts';

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

/** A value that `read` understands. @param read returns undefined for what it does not */
export function field<T>(doc: FieldDoc, error: string, read: (value: unknown) => T | undefined) {
  return z
    .unknown()
    .meta({ ...doc })
    .transform((value, context): T => {
      const found = read(value);
      if (found !== undefined) return found;
      context.addIssue({ code: 'custom', message: value === undefined ? `is required, and ${error}` : error });
      return z.NEVER;
    });
}

const INSTANT_ERROR = 'must be an ISO 8601 instant with an offset, such as 2018-02-24T08:45:21.893Z';
const INSTANT = { type: 'string', format: 'date-time', examples: ['2018-02-24T08:45:21.893Z'] } as const;

/** Milliseconds. */
export const instant = field({ ...INSTANT, description: 'ISO 8601, with any offset' }, INSTANT_ERROR, (value) =>
  typeof value === 'string' ? parseInstant(value) : undefined,
);

/** In a query, where a client that forgets to encode `+01:00` sends a blank for the plus. */
export const instantInQuery = (description: string) =>
  field({ ...INSTANT, description }, INSTANT_ERROR, (value) =>
    typeof value === 'string' ? parseInstant(value.replace(/ (?=\d\d:?\d\d$)/, '+')) : undefined,
  );

const positive = z.int('must be a whole number').min(1, 'must be at least 1').max(4_294_967_295, 'is too large');
export const spaceId = positive.transform((id) => id as SpaceId);
export const doorwayId = positive.transform((id) => id as DoorwayId);

const wholeNumberIn = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
export const spaceIdInPath = field(
  { type: 'integer', minimum: 1, description: 'the space', examples: [1] },
  'must be a whole number',
  (value) => wholeNumberIn(value) as SpaceId | undefined,
);
export const doorwayIdInPath = field(
  { type: 'integer', minimum: 1, description: 'the doorway', examples: [1] },
  'must be a whole number',
  (value) => wholeNumberIn(value) as DoorwayId | undefined,
);

const SPACES_IN_QUERY_MAX = 100;
/** `1,2,3`: each once, in the order given. */
export const spaceIdsInQuery = field(
  {
    type: 'string',
    pattern: '^\\d{1,10}(,\\d{1,10})*$',
    description: `ids of up to ${SPACES_IN_QUERY_MAX} spaces, with commas between them`,
    examples: ['1,2'],
  },
  `must be ids of up to ${SPACES_IN_QUERY_MAX} spaces with commas between them, such as 1,2,3`,
  (value) => {
    if (typeof value !== 'string' || !/^\d{1,10}(,\d{1,10})*$/.test(value)) return undefined;
    const ids = [...new Set(value.split(',').map(Number))] as SpaceId[];
    return ids.length <= SPACES_IN_QUERY_MAX ? ids : undefined;
  },
);

const DPU_ID = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  description: `the sensor: ${DPU_ID_RULE}`,
  examples: ['423'],
} as const;
const dpuIdOf = (value: unknown): DpuId | undefined => {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return isDpuId(text) ? text : undefined;
};
export const dpuIdInPath = field(DPU_ID, `must be ${DPU_ID_RULE}`, dpuIdOf);
/** In a body a number will do. */
export const dpuId = field(
  { anyOf: [DPU_ID, { type: 'integer' }], description: `${DPU_ID_RULE}; a whole number will do`, examples: ['423'] },
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
    // `?desc` alone, as the earlier clients write it, means yes.
    if (value === '' || value === 'true' || value === '1') return true;
    return value === 'false' || value === '0' ? false : undefined;
  });
