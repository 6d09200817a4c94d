// Finds the readings to replay in a dead letter whose message was a payload. The letter holds the whole payload, even if
// only a part of it was rejected, so a replay must separate that part from the readings that have counted. The payload is
// read twice, with the options of the device when it arrived and with those it has now:
//
// - If all that was read on arrival is still read the same, each letter stands for its own items: the readings that were
//   rejected for its reason or, for `bad_payload`, what can be read now and could not be then.
// - If only what was accepted is still read the same, the readings that were rejected cannot be told from those that
//   could not be read. The letters of the payload then stand for the same readings: all that have not counted.
// - Otherwise nothing can be replayed, because one person could count twice.
//
// So what counts of a payload is always part of one single reading of it.
import { digestOfArrival, digestOfReadings, type ArrivedReading } from '../adapters/digest.ts';
import { ADAPTERS } from '../adapters/adapters.ts';
import { readPayload } from '../adapters/payload.ts';
import { readingBodyOf } from '../adapters/reading-body.ts';
import type { Remark } from '../adapters/adapter.ts';
import { deviceOf, dpuOfToken, type DpuId } from '../domain/ids.ts';
import { parseReading } from '../domain/parse-reading.ts';
import type { Device } from '../domain/topology.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { DeadLetter } from '../ports/dead-letters.ts';
import type { TimestampBound } from './timestamp-bound.ts';

export interface PayloadTopology {
  readonly history: Pick<TopologyHistory, 'deviceAt' | 'latest'>;
  /** Resolves once the history has all that is in the log. */
  catchUp(): Promise<unknown>;
}

export interface PayloadItems {
  /** Readings as a device could have sent them itself. */
  readonly values: readonly object[];
  /** Items that cannot be read with the device's current options. */
  readonly unreadable: readonly Remark[];
  /** True if the letters of the payload stand for the same readings. */
  readonly isShared: boolean;
  /** Identifies `values`. */
  readonly readAs: string;
  /** Identifies the reading of the payload that all of its letters must be replayed by. */
  readonly payloadReadAs: string;
}

interface ReadItems {
  readonly values: readonly object[];
  readonly remarks: readonly Remark[];
}

/** What was read on arrival; undefined if that is not known, but nothing of it was accepted. */
type Arrived = readonly ArrivedReading[] | undefined;

const NO_DEVICE = 'the subject names no device: send the payload to POST /ingest/{adapter} again, with the device';
const CHANGED =
  'what the adapter reads in the payload is not what it read when it arrived, so it is not known what of it has counted';
const READ_DIFFERENTLY =
  'a part of the payload has counted, and would be read differently with the options that the device has now: it would count twice';
const NOTHING_LEFT =
  'with the options that the device has now, the payload has no readings other than those that have counted';

/** @returns the items that the letter stands for, or why they cannot be determined */
export async function payloadItems(
  letter: DeadLetter,
  topology: PayloadTopology,
  bound: TimestampBound,
): Promise<PayloadItems | string> {
  await topology.catchUp();
  const { isCut, subject } = letter;
  const sender = dpuOfToken(subject.split('.')[2]);
  if (sender === undefined || deviceOf(sender) !== sender) return NO_DEVICE;
  if (isCut) return 'the letter holds only a part of what was sent';
  const then = readOnArrival(letter, topology, bound);
  if (then === 'changed') return CHANGED;
  const now = read(letter, deviceNow(letter, topology));
  const items = ownItems(letter, then, now) ?? sharedItems(letter, then, now);
  if (typeof items === 'string') return items;
  return items.values.length === 0 && items.unreadable.length === 0 ? NOTHING_LEFT : items;
}

/** The letter's own items; undefined if something would be read differently now. */
function ownItems({ reason, arrival }: DeadLetter, then: Arrived, now: ReadItems): PayloadItems | undefined {
  if (then === undefined) return undefined;
  const added = without(now.values, then);
  const payloadReadAs = `arrival.${digestOfReadings(then.map(({ value }) => value))}`;
  if (reason === 'bad_payload') return added && itemsOf(added, now.remarks, { isShared: false, payloadReadAs });
  // A letter of an earlier version does not say what was accepted.
  if (added === undefined && arrival !== undefined) return undefined;
  const rejected = then.filter((reading) => reading.reason === reason).map(({ value }) => value);
  return itemsOf(rejected, [], { isShared: false, payloadReadAs });
}

/** All that has not counted. */
function sharedItems({ arrival }: DeadLetter, then: Arrived, now: ReadItems): PayloadItems | string {
  if (arrival === undefined) return READ_DIFFERENTLY;
  const accepted = (then ?? []).filter(({ reason }) => reason === null);
  const added = without(now.values, accepted);
  if (added === undefined) return READ_DIFFERENTLY;
  return itemsOf(added, now.remarks, { isShared: true, payloadReadAs: `now.${digestOfReadings(added)}` });
}

function itemsOf(
  values: readonly object[],
  unreadable: readonly Remark[],
  shared: Pick<PayloadItems, 'isShared' | 'payloadReadAs'>,
): PayloadItems {
  return { values, unreadable, readAs: digestOfReadings(values), ...shared };
}

/**
 * The readings on arrival, and what became of them. The adapter and the parser may have changed since, so the result is
 * checked against the letter.
 */
function readOnArrival(letter: DeadLetter, { history }: PayloadTopology, bound: TimestampBound): Arrived | 'changed' {
  const { reason, index, items, arrival, arrivedMs } = letter;
  // Readings come before what could not be read.
  if (reason === 'bad_payload' && index === 0) return [];
  const dpuId = senderOf(letter);
  const { latestMs, earliestMs } = arrival ?? { latestMs: bound.at(arrivedMs), earliestMs: bound.earliestMs };
  const readings = read(letter, history.deviceAt(dpuId, arrivedMs)).values.map((value): ArrivedReading => {
    const parsed = parseReading(value, { dpuId, latestMs, earliestMs });
    return { value, reason: parsed.ok ? null : parsed.rejection.reason };
  });
  if (arrival) {
    if (digestOfArrival(readings) === arrival.digest) return readings;
    return arrival.accepted === 0 ? undefined : 'changed';
  }
  const found =
    reason === 'bad_payload'
      ? readings.length === index
      : readings.filter((reading) => reading.reason === reason).length === items;
  return found ? readings : 'changed';
}

function deviceNow(letter: DeadLetter, { history }: PayloadTopology): Device | undefined {
  const device = history.latest().device(senderOf(letter));
  return device?.deleted ? undefined : device;
}

function read({ subject, raw, arrivedMs }: DeadLetter, device: Device | undefined): ReadItems {
  const items = readPayload({ subject, data: raw, timeMs: arrivedMs }, { deviceAt: () => device }) ?? [];
  return {
    values: items.flatMap((item) => ('adapted' in item ? [readingBodyOf(item.adapted)] : [])),
    remarks: items.flatMap((item) => ('remark' in item ? [item.remark] : [])),
  };
}

/** The values without `others`, as multisets; undefined unless `values` contains all of `others`. */
function without(values: readonly object[], others: readonly ArrivedReading[]): object[] | undefined {
  const left = new Map<string, number>();
  for (const other of others) {
    const key = JSON.stringify(other.value);
    left.set(key, (left.get(key) ?? 0) + 1);
  }
  const rest = values.filter((value) => {
    const key = JSON.stringify(value);
    const found = left.get(key) ?? 0;
    if (found > 0) left.set(key, found - 1);
    return found === 0;
  });
  return rest.length === values.length - others.length ? rest : undefined;
}

export function adapterOf(subject: string): string {
  const name = subject.split('.')[3] ?? '';
  return ADAPTERS.has(name) ? name : '';
}

function senderOf({ subject }: DeadLetter): DpuId {
  return dpuOfToken(subject.split('.')[2]) as DpuId;
}
