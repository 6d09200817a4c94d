// Errors as RFC 9457 problem details. The only place that turns a failure into an HTTP status.
import { randomUUID } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { Failure, type FailureKind } from '../domain/failure.ts';

const STATUS: Record<FailureKind, number> = { not_found: 404, invalid: 422, conflict: 409, unavailable: 503 };
const TITLES: Record<number, string> = {
  400: 'Malformed request', 404: 'Not found', 405: 'Method not allowed', 409: 'Conflict', 413: 'Body too large',
  415: 'Unsupported media type', 422: 'Validation failed', 500: 'Internal error', 503: 'Not available now',
};

export interface FieldError {
  readonly path: string;
  readonly detail: string;
}

/** An error the HTTP layer itself finds. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly errors: readonly FieldError[];

  constructor(status: number, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** Checks data from outside. @throws HttpProblem 422 that names every field at fault */
export function check<Schema extends z.ZodType>(schema: Schema, data: unknown): z.infer<Schema> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => ({ path: issue.path.join('.'), detail: issue.message }));
  throw new HttpProblem(422, errors.map(({ path, detail }) => (path ? `${path}: ${detail}` : detail)).join('; '), errors);
}

export function problems(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) throw new HttpProblem(404, `there is nothing at ${ctx.path}`);
    } catch (error) {
      answer(ctx, error, log);
    }
  };
}

function answer(ctx: Context, error: unknown, log: Logger): void {
  if (error instanceof Failure) {
    const errors = error.field === '' ? [] : [{ path: error.field, detail: error.message }];
    if (error.retryAfterSeconds !== undefined) ctx.set('retry-after', String(error.retryAfterSeconds));
    if (error.kind === 'unavailable') log.warn({ err: error, path: ctx.path }, 'answered 503');
    write(ctx, STATUS[error.kind], error.message, errors);
  } else if (error instanceof HttpProblem) {
    write(ctx, error.status, error.message, error.errors);
  } else {
    const id = randomUUID();
    log.error({ err: error, problem: id, method: ctx.method, path: ctx.path }, 'request failed');
    write(ctx, 500, `an error that is in the log under ${id}`, []);
  }
}

function write(ctx: Context, status: number, detail: string, errors: readonly FieldError[]): void {
  ctx.status = status;
  ctx.body = JSON.stringify({
    type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, instance: ctx.path, ...(errors.length > 0 ? { errors } : {}),
  });
  ctx.type = 'application/problem+json';
}
