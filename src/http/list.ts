// Lists that are in memory: filtered, sorted, one page of them, with the headers that lead to the others.
import type { Context } from 'koa';
import { matches, type FieldTypes, type Value } from '../domain/filter.ts';
import { revalidatedPage } from './middleware/caching.ts';
import type { ListQuery } from './schemas/list.ts';

export const LIST_HEADERS = {
  link: { description: 'where the next and the previous page are (RFC 8288)' },
  'x-total-count': { description: 'how many there are on all pages', type: 'integer' },
} as const;

/** How to read the fields of an item; ties are broken by the order the items come in. */
export type Readers<Item, Types extends FieldTypes> = Readonly<Record<keyof Types & string, (item: Item) => Value>>;

/** @returns one page as JSON, or nothing when the client has it already */
export function answerList<Item, Types extends FieldTypes>(
  ctx: Context,
  items: readonly Item[],
  readers: Readers<Item, Types>,
  query: ListQuery,
  json: (item: Item) => object,
): readonly object[] | undefined {
  const read = (item: Item, field: string): Value => readers[field]?.(item) ?? null;
  const { filter, sort, desc, limit, offset } = query;
  const found = filter ? items.filter((item) => matches(filter, (field) => read(item, field))) : [...items];
  const sign = desc ? -1 : 1;
  found.sort((a, b) => sign * compareValues(read(a, sort), read(b, sort)));
  const body = found.slice(offset, offset + limit).map(json);
  setPageHeaders(ctx, { offset, limit, total: found.length });
  return revalidatedPage(ctx, found.length, body);
}

function setPageHeaders(
  ctx: Context,
  { offset, limit, total }: { offset: number; limit: number; total: number },
): void {
  const links: string[] = [];
  if (offset + limit < total) links.push(linkTo(ctx, 'next', { offset: String(offset + limit) }));
  if (offset > 0) links.push(linkTo(ctx, 'prev', { offset: String(Math.max(0, offset - limit)) }));
  if (links.length > 0) ctx.set('link', links.join(', '));
  ctx.set('x-total-count', String(total));
}

/** The same list with other parameters; an empty one is left out. */
export function linkTo(ctx: Context, rel: 'next' | 'prev', changes: Readonly<Record<string, string>>): string {
  const params = new URLSearchParams(ctx.querystring);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') params.delete(name);
    else params.set(name, value);
  }
  return `<${ctx.path}?${params.toString()}>; rel="${rel}"`;
}

/** Null comes first. */
export function compareValues(a: Value, b: Value): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
