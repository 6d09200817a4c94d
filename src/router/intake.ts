// Parses entries of the READINGS log into readings, heartbeats and bad items. A bad
// item hurts only itself.
import { dpuOfToken, type DpuId } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { arrivedAt } from '../domain/measure.ts';
import { parseReading, type ParseContext, type Rejection } from '../domain/parse-reading.ts';
import type { Reading } from '../domain/reading.ts';
import type { Message, Slice } from './message.ts';

const NOT_JSON: Rejection = { reason: 'bad_json', field: '', detail: 'not JSON in UTF-8' };
const NO_DPU: Rejection = { reason: 'bad_dpu_id', field: 'dpu_id', detail: 'the subject names no DPU' };

export interface ReceivedReading {
  readonly reading: Reading;
  /** Its place in READINGS. */
  readonly seq: number;
}

export interface ReceivedHeartbeat {
  readonly dpuId: DpuId;
  readonly timestampMs: number;
}

export interface Intake {
  readonly readings: ReceivedReading[];
  readonly heartbeats: ReceivedHeartbeat[];
  /** Items that cannot be used, */
  dead: number;
  /** and the messages they are in. */
  readonly spoiled: Set<Message>;
}

/** What one item is; undefined for a mark of time. */
type Taken =
  { readonly reading: Reading } | { readonly heartbeat: ReceivedHeartbeat } | { readonly rejection: Rejection };

/** Which timestamps are accepted. */
export interface AcceptedTimes {
  /** The latest that a reading in an entry may have. */
  readonly latestOf: (entry: StoredEntry) => number;
  /** A device whose clock says an earlier time has not set it. */
  readonly earliestMs: number;
}

export function takeIn(slices: readonly Slice[], times: AcceptedTimes): Intake {
  const intake: Intake = { readings: [], heartbeats: [], dead: 0, spoiled: new Set() };
  for (const { message, from, to } of slices) {
    const { seq } = message.entry;
    forEachItem(message, from, to, times, (taken) => {
      if ('reading' in taken) intake.readings.push({ reading: taken.reading, seq });
      else if ('heartbeat' in taken) intake.heartbeats.push(taken.heartbeat);
      else {
        intake.dead += 1;
        intake.spoiled.add(message);
      }
    });
  }
  return intake;
}

/** Subjects are `readings.<k>.<dpu>.<readings|heartbeat>`, or `readings.<k>.tick`. */
export function forEachItem(
  message: Message,
  from: number,
  to: number,
  times: AcceptedTimes,
  hear: (taken: Taken, index: number) => void,
): void {
  const [, , token, kind] = message.entry.subject.split('.');
  if (kind === undefined) return;
  const dpuId = dpuOfToken(token);
  const latestMs = (message.latestMs ??= times.latestOf(message.entry));
  const context = dpuId === undefined ? undefined : { dpuId, latestMs, earliestMs: times.earliestMs };
  if (context && kind === 'readings') {
    for (let index = from; index < to; index++) hear(readingIn(message, index, context), index);
    // The others are taken whole, with their first slice.
  } else if (from === 0) {
    hear(context ? heartbeatIn(message, context) : { rejection: NO_DPU }, 0);
  }
}

type DpuContext = ParseContext & { readonly dpuId: DpuId };

function readingIn(message: Message, index: number, context: DpuContext): Taken {
  const item = message.item(index);
  if (!item) return { rejection: NOT_JSON };
  const parsed = parseReading(item.value, context);
  if (!parsed.ok) return parsed;
  const { timestampMs } = parsed.reading;
  // Not a copy of the parsed object, because copying would be a tenth of the work of routing.
  if (timestampMs !== null) return { reading: parsed.reading as Reading };
  const { seq, timeMs } = message.entry;
  const measure = arrivedAt(parsed.reading.measure, seq, index);
  return { reading: { ...parsed.reading, timestampMs: timeMs, measure } };
}

function heartbeatIn(message: Message, context: DpuContext): Taken {
  const { data, timeMs } = message.entry;
  const { dpuId } = context;
  if (data.length === 0) return { heartbeat: { dpuId, timestampMs: timeMs } };
  const item = message.item(0);
  if (!item) return { rejection: NOT_JSON };
  const { dpu_id: named, timestamp = timeMs } = (item.value ?? {}) as { dpu_id?: unknown; timestamp?: unknown };
  // The rules for a reading's DPU and timestamp.
  const parsed = parseReading({ ...(named === undefined ? {} : { dpu_id: named }), timestamp, direction: 1 }, context);
  return parsed.ok ? { heartbeat: { dpuId, timestampMs: parsed.reading.timestampMs ?? timeMs } } : parsed;
}
