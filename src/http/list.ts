// Answers lists that are held in memory: filters, sorts and returns one page.
import type { Context } from 'koa';
import { matches, type FieldTypes, type Value } from '../domain/filter.ts';
import { revalidatedPage } from './middleware/caching.ts';
import { setPageHeaders } from './paging.ts';
import type { ListQuery } from './schemas/list.ts';

/** Streamed items are sorted once there are this many more than needed. */
const STREAMED_MIN = 1_000;

/** A function that reads each field of an item. The sort is stable, so equal items keep their given order. */
export type Readers<Item, Types extends FieldTypes> = Readonly<Record<keyof Types & string, (item: Item) => Value>>;

/**
 * @returns one page as JSON, or undefined if the client already has it
 */
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
  const end = offset + limit;
  setPageHeaders(ctx, { total: found.length, offset, limit, next: end < found.length ? { offset: end } : undefined });
  return revalidatedPage(ctx, found.length, body);
}

/**
 * One page of streamed items. Memory use is bounded by the end of the page.
 * @returns its items, and the number of items on all pages
 */
export async function pageOf<Item>(
  items: AsyncIterable<Item>,
  readers: Readonly<Record<string, (item: Item) => Value>>,
  { filter, sort, desc, limit, offset }: ListQuery,
): Promise<{ readonly page: Item[]; readonly total: number }> {
  const read = (item: Item, field: string): Value => readers[field]?.(item) ?? null;
  const end = offset + limit;
  const sign = desc ? -1 : 1;
  let [first, total]: [Item[], number] = [[], 0];
  const trim = (): void => {
    first.sort((a, b) => sign * compareValues(read(a, sort), read(b, sort)));
    first = first.slice(0, end);
  };
  for await (const item of items) {
    if (filter && !matches(filter, (field) => read(item, field))) continue;
    total += 1;
    first.push(item);
    if (first.length >= 2 * end + STREAMED_MIN) trim();
  }
  trim();
  return { page: first.slice(offset), total };
}

/** Null sorts first. */
export function compareValues(a: Value, b: Value): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
