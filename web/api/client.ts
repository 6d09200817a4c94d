// The client of the API. Its types are generated from the OpenAPI document.
import createClient from 'openapi-fetch';
import { messages } from '../i18n/i18n.ts';
import type { paths } from './schema.d.ts';
import { authorization, signOut } from './session.ts';

export const API = '/api/v1';

export const api = createClient<paths>({ baseUrl: API });
api.use({
  onRequest: ({ request }) => {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
  },
  onResponse: ({ response }) => {
    if (response.status === 401) signOut('refused');
  },
});

/** The service refused a request. The message is for people. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
}

/** @returns the body of a successful answer. @throws ApiProblem */
export async function bodyOf<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok && data !== undefined) return data;
  throw new ApiProblem(detailOf(error) ?? messages.failed(response.status));
}

/** For successful answers without a body. @throws ApiProblem */
export async function doneOf(answer: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  const { error, response } = await answer;
  if (!response.ok) throw new ApiProblem(detailOf(error) ?? messages.failed(response.status));
}

/** For answers that may also be CSV, which nothing here asks for. */
export async function jsonOf<T>(
  answer: Promise<{ data?: T | string; error?: unknown; response: Response }>,
): Promise<Exclude<T, string>> {
  const body = await bodyOf(answer);
  if (typeof body === 'string') throw new ApiProblem(messages.failedUnknown);
  return body as Exclude<T, string>;
}

function detailOf(error: unknown): string | undefined {
  const isProblem = typeof error === 'object' && error !== null && 'detail' in error;
  return isProblem && typeof error.detail === 'string' ? error.detail : undefined;
}

/** Asks for pages until there are no more. @param page fetches the page that starts at the offset */
export async function allPages<T>(page: (paging: { limit: number; offset: number }) => Promise<T[]>): Promise<T[]> {
  const limit = 1_000;
  const items: T[] = [];
  for (;;) {
    const found = await page({ limit, offset: items.length });
    items.push(...found);
    if (found.length < limit) return items;
  }
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}

/** @returns the items of a list, and how many there are on all pages. @throws ApiProblem */
export async function pageOf<T>(
  answer: Promise<{ data?: T[]; error?: unknown; response: Response }>,
): Promise<Page<T>> {
  const items = await bodyOf(answer);
  const total = Number((await answer).response.headers.get('x-total-count') ?? items.length);
  return { items, total };
}

/** A text in a filter. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
