// The links between pages.
import type { Context } from 'koa';
import { expect, it } from 'vitest';
import { setPageHeaders } from '../../src/http/paging.ts';
import { fakeOf } from '../support/fake-of.ts';

function linkOf(querystring: string): string | undefined {
  const headers: Record<string, string> = { 'as-of': 'topology-3-a-b' };
  const ctx = fakeOf<Context>('ctx', {
    ...{ path: '/api/v1/spaces', querystring },
    set: (name: string, value: string) => void (headers[name] = value),
    response: { get: (name: string) => headers[name] ?? '' },
  });
  setPageHeaders(ctx, { total: 9, offset: 2, limit: 2, next: { offset: 4 } });
  return headers['link'];
}

it('T26 all pages are of the place of the first one, also if it was asked for by a time', () => {
  expect(linkOf('limit=2&known_at=2026-11-27T10:00:00Z')).toBe(
    '</api/v1/spaces?limit=2&known_at=topology-3-a-b&offset=4>; rel="next", </api/v1/spaces?limit=2&known_at=topology-3-a-b&offset=0>; rel="prev"',
  );
  expect(linkOf('limit=2')).toMatch(/^<\/api\/v1\/spaces\?limit=2&offset=4>/);
});
