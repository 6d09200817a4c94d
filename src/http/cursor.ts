// The cursor of a deep page: where the page before it ended, and how many there were when the first page was asked for, so
// that they are not counted again for each page. Opaque to clients; they follow the `link` header.
import type { Context } from 'koa';
import { z } from 'zod';
import type { CountedPlace } from '../counts/event-counts.ts';
import type { SpaceId } from '../domain/ids.ts';
import { linkTo } from './list.ts';
import { field } from './schemas/fields.ts';

const counted = z.object({
  spaceId: z.int().transform((id) => id as SpaceId),
  block: z.int(),
  resetMs: z.number(),
  resetCount: z.int(),
  count: z.int().min(0),
  net: z.int(),
});
const content = z.tuple([z.int().min(0), z.string().max(200), z.int().min(0), counted.optional()]);

export interface Cursor extends CountedPlace {
  readonly total: number;
}

export const cursor = field(
  { type: 'string', description: 'where the page before ended, from its `link` header; then `offset` is left out' },
  'must be a cursor from a link header',
  read,
).optional();

function read(value: unknown): Cursor | undefined {
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

export interface HistoryPage {
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  /** The last item of the page when there are more, in an order that a cursor goes with. */
  readonly last: CountedPlace | undefined;
  /** Where the next page begins when there is one, in any other order. */
  readonly nextOffset?: number | undefined;
}

/** The headers of a page of history. */
export function setCursorHeaders(ctx: Context, { total, offset, limit, last, nextOffset }: HistoryPage): void {
  const links: string[] = [];
  if (last) {
    const text = Buffer.from(
      JSON.stringify([last.timestampMs, last.readingId, total, ...(last.counted ? [last.counted] : [])]),
    ).toString('base64url');
    links.push(linkTo(ctx, 'next', { cursor: text, offset: '' }));
  }
  if (nextOffset !== undefined) links.push(linkTo(ctx, 'next', { offset: String(nextOffset) }));
  if (offset > 0) links.push(linkTo(ctx, 'prev', { offset: String(Math.max(0, offset - limit)), cursor: '' }));
  if (links.length > 0) ctx.set('link', links.join(', '));
  ctx.set('x-total-count', String(total));
}
