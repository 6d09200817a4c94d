// Why a moment in `known_at` cannot be answered.
import { Failure } from './failure.ts';
import { formatInstant } from './instant.ts';

export function refusedMoment(detail: string): Failure {
  return new Failure('invalid', detail, { field: 'known_at' });
}

/** @throws Failure invalid for a time after now */
export function refuseFuture(atMs: number, nowMs: number): void {
  if (atMs > nowMs) throw refusedMoment('is in the future');
}

/** @param firstMs from when on moments can be answered; undefined if there is none yet */
export function tooEarly(firstMs: number | undefined): Failure {
  return refusedMoment(
    firstMs === undefined
      ? 'is too early: nothing has been recorded yet of what was known'
      : `is too early: what was known can be told from ${formatInstant(firstMs)} on`,
  );
}
