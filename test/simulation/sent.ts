// The readings that the DPUs sent, parsed from READINGS without the service's code.
import type { StoredEntry } from '../../src/domain/log-entry.ts';
import type { Device, TopologyEntry } from '../../src/domain/topology.ts';
import type { OracleReading } from '../support/oracle.ts';
import { EARLIEST_MS, SKEW_MS } from './process.ts';

export interface Sent {
  readonly readings: OracleReading[];
  /** All items: readings, bad items, and malformed heartbeats. */
  readonly items: number;
}

/** An entry of READINGS, or its first items only. */
export type SentEntry = Pick<StoredEntry, 'seq' | 'subject' | 'data' | 'timeMs' | 'mark'> & {
  readonly itemsMax?: number;
};

/** The ending of a forged mark. */
export const MADE_UP = '.made-up';

const decoder = new TextDecoder();

type Fields = Readonly<Record<string, string | number>>;

/** The adapter that reads most payloads. */
export const PAYLOADS = 'density';
/** The adapter that reads the others, as the device's options describe them. */
export const MAPPED = 'mapping';

/** A part of a payload; without an item if it cannot be read. */
export interface Crossing {
  readonly item?: object;
  /** The DPU. */
  readonly id: string;
}

/** @param topology the facts say how a device's payloads were read when one was stored */
export function sentIn(entries: readonly SentEntry[], topology: readonly TopologyEntry[] = []): Sent {
  const readings: OracleReading[] = [];
  let items = 0;
  for (const { seq, subject, data, timeMs, mark, itemsMax = Infinity } of entries) {
    const [, , dpuId = '', ...levels] = subject.split('.');
    if (levels.length === 0) continue;
    const isHeard = /^(?:\/\.)*readings?(?:\.\/)*$/i.test(levels.join('.'));
    // A heartbeat is not a reading, but a malformed one is dead-lettered.
    if (levels[0] === 'heartbeat') {
      if (itemsMax > 0 && !isHeartbeat(data, timeMs)) items += 1;
      continue;
    }
    if (isPayloadOf(subject)) {
      const crossings = crossingsOf({ subject, data }, deviceAt(topology, dpuId, timeMs)).slice(0, itemsMax);
      items += crossings.length;
      for (const [index, { item, id }] of crossings.entries()) {
        const place = `${seq}_${index}`;
        const reading = item && readingIn(item, id, { latestMs: timeMs + SKEW_MS, timeMs, place });
        if (reading) readings.push(reading);
      }
      continue;
    }
    const body = tryParse(decoder.decode(data));
    const latestMs = Math.max(timeMs + SKEW_MS, acceptedUpTo(mark));
    for (const [index, item] of (Array.isArray(body) ? body : [body]).slice(0, itemsMax).entries()) {
      items += 1;
      const reading = isHeard && readingIn(item, dpuId, { latestMs, timeMs, place: `${seq}_${index}` });
      if (reading) readings.push(reading);
    }
  }
  return { readings, items };
}

export function isPayloadOf(subject: string): boolean {
  return [PAYLOADS, MAPPED].includes(subject.split('.')[3] ?? '');
}

/** Why a crossing that could be read does not count; undefined if it counts. */
export function rejectionOf({ item }: Crossing, { timeMs }: Pick<StoredEntry, 'timeMs'>): string | undefined {
  const { timestamp } = (item ?? {}) as { timestamp?: string };
  if (timestamp === undefined) return undefined;
  if (Date.parse(timestamp) < EARLIEST_MS) return 'clock_unset';
  return Date.parse(timestamp) > timeMs + SKEW_MS ? 'future' : undefined;
}

/** What a device's options make of a payload. What can be read comes first. */
export function crossingsOf(
  { subject, data }: Pick<StoredEntry, 'subject' | 'data'>,
  device: Device | undefined,
): readonly Crossing[] {
  const [, , name = '', adapter] = subject.split('.');
  const options = device?.adapter === adapter ? device?.options : undefined;
  const body = tryParse(decoder.decode(data)) as Fields[] | Fields | undefined;
  if (!body || (adapter === MAPPED && !options)) return [{ id: '' }];
  const sign = options?.['reversed'] === true ? -1 : 1;
  const crossings = (Array.isArray(body) ? body : [body]).map((fields): Crossing =>
    adapter === MAPPED ? mapped(fields, name, sign, options ?? {}) : crossingIn(fields, sign),
  );
  return [...crossings.filter(({ item }) => item), ...crossings.filter(({ item }) => !item)];
}

function crossingIn(crossing: Fields, sign: number): Crossing {
  const { doorway_id: device, space_id: line, direction, timestamp, id } = crossing;
  if (direction === 0 || timestamp === 'noon') return { id: '' };
  const item = { timestamp, direction: Number(direction) * sign, ...(id === undefined ? {} : { id }) };
  return { item, id: line === undefined ? String(device) : `${device}/${line}` };
}

function mapped({ line, d, at }: Fields, device: string, sign: number, options: Record<string, unknown>): Crossing {
  const { entrance } = options['direction'] as { entrance: string[] };
  if (d !== -1 && !entrance.includes(String(d))) return { id: '' };
  const direction = (d === -1 ? -1 : 1) * sign;
  return {
    item: options['time'] === undefined ? { direction } : { timestamp: at, direction },
    id: `${device}/${line}`,
  };
}

/** What the topology said of a device when something was stored. */
export function deviceAt(topology: readonly TopologyEntry[], id: string, atMs: number): Device | undefined {
  return devicesOf(topology, id).findLast(({ afterMs }) => afterMs < atMs)?.device;
}

/** All that was ever said of a device. */
export function devicesOf(
  topology: readonly TopologyEntry[],
  id: string,
): { readonly device: Device | undefined; readonly afterMs: number }[] {
  return topology.flatMap(({ fact, storedMs = 0 }) =>
    fact.kind === 'device' && fact.doc.id === id
      ? [{ device: fact.doc.deleted ? undefined : fact.doc, afterMs: Math.max(storedMs, fact.afterMs ?? 0) }]
      : [],
  );
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
  const isOfAnother = other !== undefined && !String(other).startsWith(`${dpuId}/`);
  if (isOfAnother || /\s/.test(String(id ?? ''))) return undefined;
  const forms = [direction, said['entrances'] ?? said['exits'], said['total_entrances'] ?? said['total_exits']];
  if (forms.filter((form) => form !== undefined).length !== 1) return undefined;
  if (revision !== undefined && (forms[1] === undefined || start === undefined || !isTimed || !isCount(revision)))
    return undefined;
  const common = {
    dpuId: String(other ?? dpuId),
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
    return { ...common, standing: { entrances, exits, epoch: epoch === undefined ? undefined : String(epoch) } };
  const startMs = start === undefined ? undefined : Date.parse(String(start));
  return startMs !== undefined && !(startMs >= EARLIEST_MS && startMs <= (isTimed ? timestampMs : latestMs))
    ? undefined
    : { ...common, interval: { entrances, exits, startMs, revision: isCount(revision) ? revision : undefined } };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** The latest timestamp that HTTP accepted; a forged mark is ignored. */
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
