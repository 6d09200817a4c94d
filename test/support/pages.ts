// Lists as a client reads them: one page, or all pages by following the links.
import { expect } from 'vitest';
import type { LocalService } from './local-service.ts';

export interface ListPage<Item> {
  readonly items: Item[];
  /** Path of the next page. */
  readonly next: string | undefined;
  readonly total: number;
}

export async function readPage<Item>(service: LocalService, path: string): Promise<ListPage<Item>> {
  const { status, headers, body } = await service.get(path);
  expect(status, JSON.stringify(body)).toBe(200);
  const next = /<\/api\/v1([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  return { items: body as Item[], next, total: Number(headers.get('x-total-count')) };
}

export async function readPages<Item>(service: LocalService, path: string): Promise<Item[]> {
  const found: Item[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const page: ListPage<Item> = await readPage(service, next);
    found.push(...page.items);
    ({ next } = page);
  }
  return found;
}
