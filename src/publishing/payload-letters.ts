// Finds the readings to replay in a dead letter whose message was a payload. The letter holds the whole payload, even if
// only a part of it was rejected, so a replay must separate that part from the readings that have counted:
//
// - Readings that the router rejected, such as `future`, are read again with the options of their arrival.
// - Items that the adapter could not read (`bad_payload`) are read with the device's current options. Everything that could
//   be read on arrival must still be read the same; the rest is new. Otherwise one person could count twice.
import { createHash } from 'node:crypto';
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
  /** Identifies the options that it was read with; undefined where those of the time apply. */
  readonly readAs?: string;
}

interface ReadItems {
  readonly values: readonly object[];
  readonly remarks: readonly Remark[];
}

const NO_DEVICE = 'the subject names no device: send the payload to POST /ingest/{adapter} again, with the device';
const CHANGED =
  'what the adapter reads in the payload is not what it read when it arrived, so it is not known what of it has counted';
const READ_DIFFERENTLY =
  'a part of the payload has counted, and would be read differently with the options that the device has now: it would count twice';

/** @returns the items that the letter stands for, or why they cannot be determined */
export async function payloadItems(
  letter: DeadLetter,
  topology: PayloadTopology,
  bound: TimestampBound,
): Promise<PayloadItems | string> {
  await topology.catchUp();
  const { reason, index, isCut, subject } = letter;
  const sender = dpuOfToken(subject.split('.')[2]);
  if (sender === undefined || deviceOf(sender) !== sender) return NO_DEVICE;
  if (isCut) return 'the letter holds only a part of what was sent';
  if (reason !== 'bad_payload') return rejectedItems(letter, readAt(letter, topology), bound);
  const device = deviceNow(letter, topology);
  const now = read(letter, device);
  const readAs = digestOf(letter, device);
  // Readings come before what could not be read, so the first of that says how many readings there were.
  if (index === 0) return { values: now.values, unreadable: now.remarks, readAs };
  const { values: before } = readAt(letter, topology);
  if (before.length !== index) return CHANGED;
  const added = without(now.values, before);
  return added ? { values: added, unreadable: now.remarks, readAs } : READ_DIFFERENTLY;
}

function rejectedItems(letter: DeadLetter, { values }: ReadItems, bound: TimestampBound): PayloadItems | string {
  const dpuId = senderOf(letter);
  const context = { dpuId, latestMs: bound.at(letter.arrivedMs), earliestMs: bound.earliestMs };
  const rejected = values.filter((value) => {
    const parsed = parseReading(value, context);
    return !parsed.ok && parsed.rejection.reason === letter.reason;
  });
  return rejected.length === letter.items ? { values: rejected, unreadable: [] } : CHANGED;
}

/** The payload as it was read on arrival. */
function readAt(letter: DeadLetter, { history }: PayloadTopology): ReadItems {
  return read(letter, history.deviceAt(senderOf(letter), letter.arrivedMs));
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
function without(values: readonly object[], others: readonly object[]): object[] | undefined {
  const left = new Map<string, number>();
  for (const other of others) left.set(JSON.stringify(other), (left.get(JSON.stringify(other)) ?? 0) + 1);
  const rest = values.filter((value) => {
    const key = JSON.stringify(value);
    const found = left.get(key) ?? 0;
    if (found > 0) left.set(key, found - 1);
    return found === 0;
  });
  return rest.length === values.length - others.length ? rest : undefined;
}

/** Of the options that apply to the adapter of the letter's subject. */
function digestOf({ subject }: DeadLetter, device: Device | undefined): string {
  const options = device?.adapter === adapterOf(subject) ? device.options : null;
  return createHash('sha256').update(JSON.stringify(options)).digest('base64url');
}

export function adapterOf(subject: string): string {
  const name = subject.split('.')[3] ?? '';
  return ADAPTERS.has(name) ? name : '';
}

function senderOf({ subject }: DeadLetter): DpuId {
  return dpuOfToken(subject.split('.')[2]) as DpuId;
}
