// Errors as RFC 9457 problem details. The only place that turns a failure into an HTTP status.
import type { Context, Middleware } from 'koa';
import type { z } from 'zod';
import { Failure, type FailureKind } from '../domain/failure.ts';
import { logOf, requestIdOf } from './request-state.ts';

export type ProblemStatus =
  400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 412 | 413 | 415 | 417 | 422 | 429 | 431 | 500 | 501 | 503;

/** The type is a name, not a place: `urn:density:problem:<slug>`. */
export const PROBLEMS: Readonly<Record<ProblemStatus, { readonly slug: string; readonly title: string }>> = {
  400: { slug: 'malformed', title: 'Malformed request' },
  401: { slug: 'unauthenticated', title: 'Authentication needed' },
  403: { slug: 'forbidden', title: 'Not allowed' },
  404: { slug: 'not-found', title: 'Not found' },
  405: { slug: 'method-not-allowed', title: 'Method not allowed' },
  406: { slug: 'not-acceptable', title: 'Not acceptable' },
  408: { slug: 'timeout', title: 'Request took too long' },
  409: { slug: 'conflict', title: 'Conflict' },
  412: { slug: 'changed', title: 'Changed meanwhile' },
  413: { slug: 'too-large', title: 'Body too large' },
  415: { slug: 'unsupported-media-type', title: 'Unsupported media type' },
  417: { slug: 'expectation-failed', title: 'Expectation not met' },
  422: { slug: 'invalid', title: 'Validation failed' },
  429: { slug: 'too-many-requests', title: 'Too many requests' },
  431: { slug: 'headers-too-large', title: 'Headers too large' },
  500: { slug: 'internal', title: 'Internal error' },
  501: { slug: 'not-implemented', title: 'Not implemented' },
  503: { slug: 'unavailable', title: 'Not available now' },
};

const STATUS: Readonly<Record<FailureKind, ProblemStatus>> = {
  not_found: 404,
  invalid: 422,
  conflict: 409,
  changed: 412,
  unavailable: 503,
};

export interface FieldError {
  /** The field, as the client names it; fields of fields with dots. */
  readonly path: string;
  readonly detail: string;
  /** Where in the field's text the error is, from 0. */
  readonly position?: number;
}

/** An error the HTTP layer itself finds. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: ProblemStatus;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    detail: string,
    errors: readonly FieldError[] = [],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }
}

/** A sentence that names the field, which some details do already: they stand alone in dead letters. */
function ofField(path: string, detail: string): string {
  return path === '' || detail.startsWith(`${path} `) ? detail : `${path}: ${detail}`;
}

/** Validation of one field failed. */
export function invalid(path: string, detail: string, position?: number): HttpProblem {
  return new HttpProblem(422, ofField(path, detail), [
    position === undefined ? { path, detail } : { path, detail, position },
  ]);
}

/** Checks data from outside. @throws HttpProblem 422 that names every field at fault */
export function check<Schema extends z.ZodType>(schema: Schema, data: unknown): z.infer<Schema> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue): FieldError[] => {
    const at = issue.path.join('.');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: at === '' ? key : `${at}.${key}`, detail: 'is not known here' }));
    const position: unknown = issue.code === 'custom' ? issue.params?.['position'] : undefined;
    return [{ path: at, detail: issue.message, ...(typeof position === 'number' ? { position } : {}) }];
  });
  throw new HttpProblem(422, errors.map(({ path, detail }) => ofField(path, detail)).join('; '), errors);
}

export function problems(): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && (ctx.body === undefined || ctx.body === null))
        throw new HttpProblem(404, `there is nothing at ${ctx.path}; /docs shows what there is`);
      if (ctx.status === 405) throw new HttpProblem(405, `${ctx.path} takes ${ctx.response.get('allow')}`);
      if (ctx.status === 501) throw new HttpProblem(501, `there is no method ${ctx.method}`);
    } catch (error) {
      answer(ctx, error);
    }
  };
}

function answer(ctx: Context, error: unknown): void {
  if (error instanceof Failure) {
    const errors = error.field === '' ? [] : [{ path: error.field, detail: error.message }];
    if (error.retryAfterSeconds !== undefined) ctx.set('retry-after', String(error.retryAfterSeconds));
    if (error.kind === 'unavailable') logOf(ctx).warn({ err: error }, 'answered 503');
    write(
      ctx,
      STATUS[error.kind],
      error.kind === 'invalid' ? ofField(error.field, error.message) : error.message,
      errors,
    );
  } else if (error instanceof HttpProblem) {
    ctx.set({ ...error.headers });
    write(ctx, error.status, error.message, error.errors);
  } else {
    logOf(ctx).error({ err: error, method: ctx.method, path: ctx.path }, 'request failed');
    write(ctx, 500, `an error that is in the log under ${requestIdOf(ctx)}`, []);
  }
}

function write(ctx: Context, status: ProblemStatus, detail: string, errors: readonly FieldError[]): void {
  // What was meant for the answer that is not given.
  for (const name of ['etag', 'link', 'x-total-count', 'content-disposition', 'content-encoding', 'location'])
    ctx.remove(name);
  ctx.set('cache-control', 'no-store');
  ctx.status = status;
  ctx.body = problemText(status, detail, { instance: ctx.path, requestId: requestIdOf(ctx), errors });
  ctx.type = PROBLEM_TYPE;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** @param of `instance` is the path that was asked for; left out where the request could not be read */
export function problemText(
  status: ProblemStatus,
  detail: string,
  of: { instance?: string; requestId: string; errors?: readonly FieldError[] },
): string {
  const { slug, title } = PROBLEMS[status];
  const { instance, requestId, errors = [] } = of;
  return JSON.stringify({
    type: `urn:density:problem:${slug}`,
    title,
    status,
    detail,
    instance,
    request_id: requestId,
    ...(errors.length > 0 ? { errors } : {}),
  });
}
