// Caching and conditional requests. ETags are hashes of the answer, so every process computes the same one.
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { Failure } from '../../domain/failure.ts';

/**
 * A late reading may still correct a final answer, so this limits how long caches may serve the old one
 * (docs/adr/0011).
 */
const FINAL_MAX_AGE_SECONDS = 300;

function etagOf(body: unknown): string {
  return `"${createHash('sha1').update(JSON.stringify(body)).digest('base64url')}"`;
}

/** Makes clients revalidate every time. @returns the body, or undefined if the client has it and gets a 304 */
export function revalidated<T>(ctx: Context, body: T, etag = etagOf(body)): T | undefined {
  ctx.set('etag', etag);
  if (!ctx.response.get('cache-control')) ctx.set('cache-control', 'private, no-cache');
  ctx.status = 200;
  if (!hasAlready(ctx, etag)) return body;
  ctx.status = 304;
  return undefined;
}

/** A page of a list. Its etag also covers the total, which is in the headers. */
export function revalidatedPage<T>(ctx: Context, total: number, body: readonly T[]): readonly T[] | undefined {
  return revalidated(ctx, body, etagOf([total, body]));
}

/**
 * Whether the client names this etag as one that it has.
 * Koa's `fresh` ignores `if-none-match` when the client sends `cache-control: no-cache`, as fetch does.
 */
export function hasAlready(ctx: Context, etag: string): boolean {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return false;
  const known = ctx
    .get('if-none-match')
    .split(',')
    .map((each) => each.trim());
  return known.includes('*') || known.some((each) => strong(each) === strong(etag));
}

const strong = (etag: string): string => etag.replace(/^W\//, '');

/**
 * Caches for five minutes if every row is final; otherwise no-store.
 * @param identity the part of the body that the etag covers, if the rest keeps changing; the etag is then weak
 */
export function history<T>(ctx: Context, isFinal: boolean, body: T, identity?: object): T | undefined {
  if (!isFinal) {
    ctx.set('cache-control', 'no-store');
    return body;
  }
  ctx.set('cache-control', `private, max-age=${FINAL_MAX_AGE_SECONDS}`);
  return revalidated(ctx, body, identity && `W/${etagOf(identity)}`);
}

/** Checks `if-match`. @throws Failure changed if the resource is not the version that the client has seen */
export function checkUnchanged(ctx: Context, current: () => unknown): void {
  const expected = ctx.get('if-match');
  if (expected === '') return;
  const etag = etagOf(current());
  const isSame = expected.trim() === '*' || expected.split(',').some((each) => each.trim() === etag);
  if (!isSame) throw new Failure('changed', `it has changed meanwhile: its etag is now ${etag}, not ${expected}`);
}

export const IF_MATCH = {
  'if-match': { description: 'write only if the etag is still this one, otherwise answer 412' },
} as const;
export const IF_NONE_MATCH = {
  'if-none-match': { description: 'answer 304 without a body if the etag is still this one' },
} as const;
export const ETAG = { etag: { description: 'a hash of the answer' } } as const;
