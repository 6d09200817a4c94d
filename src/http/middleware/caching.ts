// What may be cached, and for how long; what changed since. ETags are hashes of what is answered, so that they are the
// same in every process.
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { Failure } from '../../domain/failure.ts';

/** A final answer still changes when a late reading corrects it; this bounds how long a cache does not know (docs/adr/0011). */
const FINAL_MAX_AGE_SECONDS = 300;

function etagOf(body: unknown): string {
  return `"${createHash('sha1').update(JSON.stringify(body)).digest('base64url')}"`;
}

/** To be asked for again every time, and answered with 304 when it is the same. @returns what to answer */
export function revalidated<T>(ctx: Context, body: T, etag = etagOf(body)): T | undefined {
  ctx.set('etag', etag);
  if (!ctx.response.get('cache-control')) ctx.set('cache-control', 'private, no-cache');
  ctx.status = 200;
  if (!hasAlready(ctx, etag)) return body;
  ctx.status = 304;
  return undefined;
}

/** A page of a list; its etag changes with the length of the list, too, which is in its headers. */
export function revalidatedPage<T>(ctx: Context, total: number, body: readonly T[]): readonly T[] | undefined {
  return revalidated(ctx, body, etagOf([total, body]));
}

/** Not Koa's `fresh`: that gives up when the client says `cache-control: no-cache`, as fetch does next to `if-none-match`. */
function hasAlready(ctx: Context, etag: string): boolean {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return false;
  const known = ctx
    .get('if-none-match')
    .split(',')
    .map((each) => each.trim());
  return known.includes('*') || known.some((each) => strong(each) === strong(etag));
}

const strong = (etag: string): string => etag.replace(/^W\//, '');

/** History: long where all of it is final, not at all otherwise. @param meaning what matters of a body with parts that go on changing: the etag is weak then */
export function history<T>(ctx: Context, isFinal: boolean, body: T, meaning?: object): T | undefined {
  if (!isFinal) {
    ctx.set('cache-control', 'no-store');
    return body;
  }
  ctx.set('cache-control', `private, max-age=${FINAL_MAX_AGE_SECONDS}`);
  return revalidated(ctx, body, meaning && `W/${etagOf(meaning)}`);
}

/** What the client expects to change is still what is there. @throws Failure changed */
export function checkUnchanged(ctx: Context, current: () => unknown): void {
  const expected = ctx.get('if-match');
  if (expected === '') return;
  const etag = etagOf(current());
  const isSame = expected.trim() === '*' || expected.split(',').some((each) => each.trim() === etag);
  if (!isSame) throw new Failure('changed', `it has changed since: its etag is ${etag}, not ${expected}`);
}

export const IF_MATCH = {
  'if-match': { description: 'write only if the etag is still this one; 412 otherwise' },
} as const;
export const IF_NONE_MATCH = {
  'if-none-match': { description: 'answer 304 with no body if the etag is still this one' },
} as const;
export const ETAG = { etag: { description: 'changes with the answer' } } as const;
