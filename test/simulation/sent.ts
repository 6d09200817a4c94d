// What the DPUs sent, read from READINGS by other code than the service's.
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { OracleReading } from '../support/oracle.ts';
import { SKEW_MS } from './process.ts';

export interface Sent {
  readonly readings: OracleReading[];
  /** Readings, what was sent in their place, and signs of life that are none. */
  readonly items: number;
}

/** An entry of READINGS, or its first items only. */
export type SentEntry = Pick<StoredEntry, 'subject' | 'data' | 'timeMs' | 'mark'> & { readonly itemsMax?: number };

/** How a mark ends that is not the service's. */
export const MADE_UP = '.made-up';

const decoder = new TextDecoder();

export function sentIn(entries: readonly SentEntry[]): Sent {
  const readings: OracleReading[] = [];
  let items = 0;
  for (const { subject, data, timeMs, mark, itemsMax = Infinity } of entries) {
    const [, , dpuId = '', kind] = subject.split('.');
    // A sign of life is no reading, but one that cannot be used is a dead letter.
    if (kind === 'heartbeat' && !isHeartbeat(data, timeMs)) items += 1;
    if (kind !== 'readings') continue;
    const body = tryParse(decoder.decode(data));
    for (const item of (Array.isArray(body) ? body : [body]).slice(0, itemsMax)) {
      items += 1;
      const { timestamp, direction, dpu_id: other, id } = (item ?? {}) as Record<string, string | number | undefined>;
      const timestampMs = Date.parse(String(timestamp));
      const isGood =
        item !== undefined &&
        (direction === 1 || direction === -1) &&
        timestampMs <= Math.max(timeMs + SKEW_MS, acceptedUpTo(mark)) &&
        other === undefined &&
        !/\s/.test(String(id ?? ''));
      if (isGood)
        readings.push({
          dpuId,
          timestampMs,
          direction: Number(direction),
          name: id === undefined ? undefined : String(id),
        });
    }
  }
  return { readings, items };
}

/** What HTTP accepted by; a mark that a device has made up says nothing. */
function acceptedUpTo(mark: string | undefined): number {
  return mark === undefined || mark.endsWith(MADE_UP) ? -Infinity : Number(mark.split('.')[0]);
}

function isHeartbeat(data: Uint8Array, timeMs: number): boolean {
  if (data.length === 0) return true;
  const body = tryParse(decoder.decode(data)) as { timestamp?: string | number } | undefined;
  return body !== undefined && (body.timestamp === undefined || Date.parse(String(body.timestamp)) <= timeMs + SKEW_MS);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
