// What the DPUs sent, read from READINGS by other code than the service's.
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { OracleReading } from '../support/oracle.ts';
import { EARLIEST_MS, SKEW_MS } from './process.ts';

export interface Sent {
  readonly readings: OracleReading[];
  /** Readings, what was sent in their place, and signs of life that are none. */
  readonly items: number;
}

/** An entry of READINGS, or its first items only. */
export type SentEntry = Pick<StoredEntry, 'seq' | 'subject' | 'data' | 'timeMs' | 'mark'> & {
  readonly itemsMax?: number;
};

/** How a mark ends that is not the service's. */
export const MADE_UP = '.made-up';

const decoder = new TextDecoder();

export function sentIn(entries: readonly SentEntry[]): Sent {
  const readings: OracleReading[] = [];
  let items = 0;
  for (const { seq, subject, data, timeMs, mark, itemsMax = Infinity } of entries) {
    const [, , dpuId = '', kind] = subject.split('.');
    // A sign of life is no reading, but one that cannot be used is a dead letter.
    if (kind === 'heartbeat' && !isHeartbeat(data, timeMs)) items += 1;
    if (kind !== 'readings') continue;
    const body = tryParse(decoder.decode(data));
    const latestMs = Math.max(timeMs + SKEW_MS, acceptedUpTo(mark));
    for (const [index, item] of (Array.isArray(body) ? body : [body]).slice(0, itemsMax).entries()) {
      items += 1;
      const reading = readingIn(item, dpuId, { latestMs, timeMs, place: `${seq}_${index}` });
      if (reading) readings.push(reading);
    }
  }
  return { readings, items };
}

interface Arrival {
  readonly latestMs: number;
  readonly timeMs: number;
  readonly place: string;
}

function readingIn(item: unknown, dpuId: string, { latestMs, timeMs, place }: Arrival): OracleReading | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const said = item as Record<string, string | number | undefined>;
  const { timestamp, dpu_id: other, id, direction, start, revision, counter_epoch: epoch } = said;
  const isTimed = timestamp !== undefined;
  const timestampMs = isTimed ? Date.parse(String(timestamp)) : timeMs;
  if (isTimed && !(timestampMs >= EARLIEST_MS && timestampMs <= latestMs)) return undefined;
  if (other !== undefined || /\s/.test(String(id ?? ''))) return undefined;
  const forms = [direction, said['entrances'] ?? said['exits'], said['total_entrances'] ?? said['total_exits']];
  if (forms.filter((form) => form !== undefined).length !== 1) return undefined;
  if (revision !== undefined && (forms[1] === undefined || start === undefined || !isTimed || !isCount(revision)))
    return undefined;
  const common = {
    dpuId,
    timestampMs,
    name: id === undefined ? undefined : String(id),
    place: isTimed ? undefined : place,
  };
  if (direction !== undefined) return direction === 1 || direction === -1 ? { ...common, direction } : undefined;
  const isStanding = forms[2] !== undefined;
  const [entrances, exits] = isStanding
    ? [said['total_entrances'], said['total_exits']]
    : [said['entrances'], said['exits']];
  if (!isCount(entrances) || !isCount(exits)) return undefined;
  if (isStanding)
    return { ...common, stands: { entrances, exits, epoch: epoch === undefined ? undefined : String(epoch) } };
  const startMs = start === undefined ? undefined : Date.parse(String(start));
  return startMs !== undefined && !(startMs >= EARLIEST_MS && startMs <= (isTimed ? timestampMs : latestMs))
    ? undefined
    : { ...common, passed: { entrances, exits, startMs, revision: isCount(revision) ? revision : undefined } };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** What HTTP accepted by; a mark that a device has made up says nothing. */
function acceptedUpTo(mark: string | undefined): number {
  return mark === undefined || mark.endsWith(MADE_UP) ? -Infinity : Number(mark.split('.')[0]);
}

function isBetween(ms: number, latestMs: number): boolean {
  return ms >= EARLIEST_MS && ms <= latestMs;
}

function isHeartbeat(data: Uint8Array, timeMs: number): boolean {
  if (data.length === 0) return true;
  const body = tryParse(decoder.decode(data)) as { timestamp?: string | number } | undefined;
  return (
    body !== undefined &&
    (body.timestamp === undefined || isBetween(Date.parse(String(body.timestamp)), timeMs + SKEW_MS))
  );
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
