// Turns every error of a request into a problem document. Unexpected errors become a generic 500: their message may
// contain secrets, so it is logged and not sent to the client.
import type { Context, Middleware } from 'koa';
import { Failure } from '../../domain/failure.ts';
import { HttpProblem, PROBLEM_TYPE, problemOf, problemText, type ProblemStatus, type FieldError } from '../problem.ts';
import { isUnanswered } from '../../nats/unanswered.ts';
import { logOf, requestIdOf } from '../request-state.ts';

const RETRY_AFTER_S = 5;

/** Headers that were set for the answer that the problem replaces. */
const HEADERS_OF_SUCCESS = [
  'as-of',
  'etag',
  'link',
  'x-total-count',
  'content-disposition',
  'content-encoding',
  'location',
];

export function problems(): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && (ctx.body === undefined || ctx.body === null))
        throw new HttpProblem(404, `there is nothing at ${ctx.path}; /docs lists all routes`);
      if (ctx.status === 405) throw new HttpProblem(405, `${ctx.path} allows ${ctx.response.get('allow')}`);
      if (ctx.status === 501) throw new HttpProblem(501, `the method ${ctx.method} is not supported`);
    } catch (error) {
      answer(ctx, error);
    }
  };
}

function answer(ctx: Context, thrown: unknown): void {
  const error = isUnanswered(thrown)
    ? new Failure('unavailable', 'NATS does not answer at the moment', {
        cause: thrown,
        retryAfterSeconds: RETRY_AFTER_S,
      })
    : thrown;
  if (error instanceof Failure) {
    if (error.retryAfterSeconds !== undefined) ctx.set('retry-after', String(error.retryAfterSeconds));
    if (error.kind === 'unavailable') logOf(ctx).warn({ err: error }, 'answered 503');
    const { status, detail, errors } = problemOf(error);
    write(ctx, status, detail, errors);
  } else if (error instanceof HttpProblem) {
    ctx.set({ ...error.headers });
    write(ctx, error.status, error.message, error.errors);
  } else {
    logOf(ctx).error({ err: error, method: ctx.method, path: ctx.path }, 'request failed');
    write(ctx, 500, `an internal error; the log has the details under request id ${requestIdOf(ctx)}`, []);
  }
}

function write(ctx: Context, status: ProblemStatus, detail: string, errors: readonly FieldError[]): void {
  for (const name of HEADERS_OF_SUCCESS) ctx.remove(name);
  ctx.set('cache-control', 'no-store');
  ctx.status = status;
  ctx.body = problemText(status, detail, { instance: ctx.path, requestId: requestIdOf(ctx), errors });
  ctx.type = PROBLEM_TYPE;
}
