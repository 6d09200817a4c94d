// Answers for readings that could not be stored in the log.
import type { Context } from 'koa';
import { Failure } from '../../domain/failure.ts';
import { logOf } from '../request-state.ts';

const RETRY_AFTER_SECONDS = 2;

/** A handler for a failed append: throws the log's own Failure, or `unavailable` for any other error. */
export function refuseUnstored(ctx: Context, detail: string): (error: unknown) => never {
  return (error) => {
    logOf(ctx).warn({ err: error }, 'readings were not stored');
    if (error instanceof Failure) throw error;
    throw new Failure('unavailable', detail, { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS });
  };
}
