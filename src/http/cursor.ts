// The cursor of a deep page: where the page before it ended, and how many there were when the first page was asked for, so
// that they are not counted again for each page. Opaque to clients; they follow the `link` header.
import type { Context } from 'koa';
import { z } from 'zod';
import type { EventPlace } from '../ports.ts';
import { linkTo } from './list.ts';
import { field } from './schemas/fields.ts';

const content = z.tuple([z.int().min(0), z.string().max(200), z.int().min(0)]);

export interface Cursor extends EventPlace {
  readonly total: number;
}

export const cursor = field({ type: 'string', description: 'where the page before ended, from its `link` header; then `offset` is left out' }, 'must be a cursor from a link header', read).optional();

function read(value: unknown): Cursor | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    const [timestampMs, readingId, total] = content.parse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8')));
    return { timestampMs, readingId, total };
  } catch {
    return undefined;
  }
}

/** The headers of a page of history. @param last the last item of the page when there are more */
export function setCursorHeaders(ctx: Context, { total, offset, limit, last }: { total: number; offset: number; limit: number; last: EventPlace | undefined }): void {
  const links: string[] = [];
  if (last) {
    const text = Buffer.from(JSON.stringify([last.timestampMs, last.readingId, total])).toString('base64url');
    links.push(linkTo(ctx, 'next', { cursor: text, offset: '' }));
  }
  if (offset > 0) links.push(linkTo(ctx, 'prev', { offset: String(Math.max(0, offset - limit)), cursor: '' }));
  if (links.length > 0) ctx.set('link', links.join(', '));
  ctx.set('x-total-count', String(total));
}
