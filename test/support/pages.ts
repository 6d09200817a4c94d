// Lists as a client reads them: one page, or all pages by following the links.
import { expect } from 'vitest';
import type { LocalService } from './local-service.ts';

export interface ListPage<Item> {
  readonly items: Item[];
  /** Path of the next page. */
  readonly next: string | undefined;
  readonly total: number;
  /** The header `as-of`. */
  readonly place: string | null;
}

export async function readPage<Item>(service: LocalService, path: string): Promise<ListPage<Item>> {
  const { status, headers, body } = await service.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  const next = /<\/api\/v1([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  return { items: body as Item[], next, total: Number(headers.get('x-total-count')), place: headers.get('as-of') };
}

export async function readPages<Item>(service: LocalService, path: string): Promise<Item[]> {
  return (await readPlacedPages<Item>(service, path)).items;
}

/** With the places of the pages, each once. */
export async function readPlacedPages<Item>(
  service: LocalService,
  path: string,
): Promise<{ readonly items: Item[]; readonly places: ReadonlySet<string | null> }> {
  const [items, places]: [Item[], Set<string | null>] = [[], new Set()];
  for (let next: string | undefined = path; next !== undefined;) {
    const page: ListPage<Item> = await readPage(service, next);
    items.push(...page.items);
    places.add(page.place);
    ({ next } = page);
  }
  return { items, places };
}
