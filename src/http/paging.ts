// The paging policy of every list: page sizes, how cursors combine with other parameters, and the headers that link pages.
import type { Context } from 'koa';
import { invalid } from './problem.ts';

export const LIMIT_DEFAULT = 25;
export const LIMIT_MAX = 1_000;
export const OFFSET_MAX = 1_000_000_000;

/** A cursor is a place in event-time order, so pages in any other order are found by offset. */
export const CURSOR_SORT = 'timestamp';

export const LIST_HEADERS = {
  link: { description: 'links to the next and the previous page (RFC 8288)' },
  'x-total-count': { description: 'number of items on all pages', type: 'integer' },
} as const;

export interface Page {
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  /** Where the next page starts; undefined on the last page. */
  readonly next: { readonly cursor: string } | { readonly offset: number } | undefined;
}

/**
 * @throws HttpProblem 422 if a cursor is combined with a parameter that it replaces or excludes
 */
export function checkCursor({ cursor, offset, sort }: { cursor?: unknown; offset: number; sort: string }): void {
  if (cursor === undefined) return;
  if (offset > 0)
    throw invalid('offset', 'cannot be combined with a cursor, which already determines where the page starts');
  if (sort !== CURSOR_SORT) throw invalid('cursor', `works only with sort=${CURSOR_SORT}`);
}

export function setPageHeaders(ctx: Context, { total, offset, limit, next }: Page): void {
  const links: string[] = [];
  if (next && 'cursor' in next) links.push(linkTo(ctx, 'next', { cursor: next.cursor, offset: '' }));
  else if (next) links.push(linkTo(ctx, 'next', { offset: String(next.offset) }));
  if (offset > 0) links.push(linkTo(ctx, 'prev', { offset: String(Math.max(0, offset - limit)), cursor: '' }));
  if (links.length > 0) ctx.set('link', links.join(', '));
  ctx.set('x-total-count', String(total));
}

/**
 * The current URL with some parameters replaced; an empty value removes the parameter. All pages are of the place of the first one,
 * because a time may stand for a later place when the next page is requested.
 */
function linkTo(ctx: Context, rel: 'next' | 'prev', changes: Readonly<Record<string, string>>): string {
  const params = new URLSearchParams(ctx.querystring);
  if (params.has('known_at')) params.set('known_at', ctx.response.get('as-of'));
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') params.delete(name);
    else params.set(name, value);
  }
  return `<${ctx.path}?${params.toString()}>; rel="${rel}"`;
}
