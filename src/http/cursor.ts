// The cursor of a page of history. It holds where the previous page ended, and the total as counted for the first page, so that
// deep pages cost no more than the first. Clients treat it as opaque and follow the `link` header.
import { z } from 'zod';
import type { CountedPlace } from '../counts/space-events.ts';
import type { SpaceId } from '../domain/ids.ts';
import { field } from './schemas/fields.ts';

const counted = z.object({
  spaceId: z.int().transform((id) => id as SpaceId),
  block: z.int(),
  resetMs: z.number(),
  resetCount: z.int(),
  count: z.int().min(0),
  net: z.int(),
  upTo: z.object({ epoch: z.int(), seq: z.int() }).optional(),
});
const content = z.tuple([z.int().min(0), z.string().max(200), z.int().min(0), counted.optional()]);

export interface Cursor extends CountedPlace {
  readonly total: number;
}

export const cursor = field(
  {
    type: 'string',
    description: 'where the previous page ended, taken from its `link` header; cannot be combined with `offset`',
  },
  'must be a cursor from a link header',
  decode,
).optional();

export function encodeCursor({ timestampMs, readingId, counted: at }: CountedPlace, total: number): string {
  return Buffer.from(JSON.stringify([timestampMs, readingId, total, ...(at ? [at] : [])])).toString('base64url');
}

function decode(value: unknown): Cursor | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const [timestampMs, readingId, total, at] = content.parse(
      JSON.parse(Buffer.from(value, 'base64url').toString('utf8')),
    );
    return { timestampMs, readingId, total, counted: at };
  } catch {
    return undefined;
  }
}
