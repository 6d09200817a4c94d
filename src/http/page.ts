import type { Context } from 'koa';
import { pageQuery } from './fields.ts';
import { check } from './problem.ts';

/** One page of a list that is in memory, with the headers that lead to the others. */
export function page<T>(ctx: Context, items: readonly T[]): T[] {
  const { limit, offset } = check(pageQuery, ctx.query);
  const links: string[] = [];
  const link = (rel: string, at: number): number => links.push(`<${ctx.path}?limit=${limit}&offset=${at}>; rel="${rel}"`);
  if (offset + limit < items.length) link('next', offset + limit);
  if (offset > 0) link('prev', Math.max(0, offset - limit));
  if (links.length > 0) ctx.set('link', links.join(', '));
  ctx.set('x-total-count', String(items.length));
  return items.slice(offset, offset + limit);
}
