import { formatInstant } from '../domain/instant.ts';
import type { Reading } from '../domain/reading.ts';

/** A reading as a DPU would publish it to its subject. */
export function toMessage({ timestampMs, direction, name }: Reading): object {
  const message = { timestamp: formatInstant(timestampMs), direction };
  return name === undefined ? message : { ...message, id: name };
}
