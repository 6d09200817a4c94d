import { bodyParser } from '@koa/bodyparser';
import type { Context, Middleware } from 'koa';
import { HttpProblem } from './problem.ts';

const LIMIT = '10mb';

/** Parses JSON bodies: 400 when it is not JSON, 413 past 10 MB, 415 for another type. */
export function jsonBodies(): Middleware {
  return bodyParser({
    enableTypes: ['json'],
    jsonLimit: LIMIT,
    jsonStrict: true,
    onError: (error) => {
      const status = 'status' in error ? error.status : 400;
      if (status === 413) throw new HttpProblem(413, `a body may hold at most ${LIMIT}`);
      throw new HttpProblem(400, `the body is not JSON: ${error.message}`);
    },
  });
}

/** The parsed body. @throws HttpProblem 415 when there is none, or it is of another type */
export function bodyOf(ctx: Context): unknown {
  const body: unknown = ctx.request.body;
  if (!ctx.request.is('json', '+json')) throw new HttpProblem(415, 'send the body as application/json');
  return body;
}
