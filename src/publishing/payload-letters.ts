// What a dead letter holds whose message was a payload in a format of the device's own. A payload is in a letter as a whole,
// also where only a part of it was rejected, so a replay has to tell that part from what has counted:
//
// - What the adapter read, and the router rejected (`future`, say), is read again as it was then.
// - What the adapter could not read (`bad_payload`) is read with the options that the device has now. Whatever was read
//   then must still be read the same; all else is new. Otherwise one person could count in two ways.
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
  /** What cannot be read with the options that the device has now. */
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

/** The items that the letter of a payload stands for, or why they cannot be told. */
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

/** As it was read when it arrived. */
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

/** Those that are not among `others`; undefined unless all of `others` are among them. Equal ones count as often as they are there. */
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
