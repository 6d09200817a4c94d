import { bodyParser } from '@koa/bodyparser';
import type { Context } from 'koa';
import { HttpProblem } from './problem.ts';

const LIMIT = '10mb';

const parse = bodyParser({
  enableTypes: ['json'],
  jsonLimit: LIMIT,
  jsonStrict: true,
  onError: (error) => {
    const status = 'status' in error ? error.status : 400;
    if (status === 413) throw new HttpProblem(413, `a body may hold at most ${LIMIT}`);
    if (status === 415)
      throw new HttpProblem(415, `the content-encoding must be gzip, deflate, br or identity: ${error.message}`);
    throw new HttpProblem(400, `the body is not valid JSON: ${error.message}`);
  },
});

/** Parses the JSON body. @throws HttpProblem 400 for a missing or malformed body, 413 beyond 10 MB, 415 for another type */
export async function jsonBody(ctx: Context): Promise<unknown> {
  const type = ctx.request.is('json', '+json');
  if (type === null || ctx.request.length === 0) throw new HttpProblem(400, 'the body is missing: send JSON');
  if (type === false) throw new HttpProblem(415, 'send the body as application/json');
  await parse(ctx, async () => undefined);
  return ctx.request.body;
}
