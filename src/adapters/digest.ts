// Identifies readings of a payload by what they say. Options and versions of an adapter do not: other ones may read the
// same, and the same ones may read something else after an upgrade.
import { createHash } from 'node:crypto';
import type { RejectReason } from '../domain/reading.ts';

/** A reading of a payload, and what became of it when the payload arrived. */
export interface ArrivedReading {
  /** As a device could have sent it itself. */
  readonly value: object;
  /** Why it was rejected; null if it was accepted. */
  readonly reason: RejectReason | null;
}

export function digestOfArrival(readings: readonly ArrivedReading[]): string {
  return digestOfReadings(readings.map(({ value, reason }) => ({ value, reason })));
}

export function digestOfReadings(values: readonly object[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}
