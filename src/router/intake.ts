// Reads entries of the READINGS log: what is a reading, what is a sign of life, what is neither. A bad
// item hurts only itself.
import { dpuOfToken, tokenOfDpu, type DpuId } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { arrivedAt } from '../domain/measure.ts';
import { parseReading, type ParseContext, type Rejection } from '../domain/parse-reading.ts';
import type { Reading } from '../domain/reading.ts';
import { kindOf } from '../domain/topic.ts';
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

/** Subjects are `readings.<k>.<dpu>.<what the DPU published to>`, or `readings.<k>.tick`. */
export function forEachItem(
  message: Message,
  from: number,
  to: number,
  times: AcceptedTimes,
  hear: (taken: Taken, index: number) => void,
): void {
  const [, , token, ...levels] = message.entry.subject.split('.');
  if (levels.length === 0) return;
  const kind = kindOf(levels);
  const dpuId = dpuOfToken(token);
  const latestMs = (message.latestMs ??= times.latestOf(message.entry));
  const context = dpuId === undefined ? undefined : { dpuId, latestMs, earliestMs: times.earliestMs };
  // A heartbeat is taken whole, with its first slice.
  if (kind === 'heartbeat') {
    if (from === 0) hear(context ? heartbeatIn(message, context) : { rejection: NO_DPU }, 0);
    return;
  }
  const rejection = kind === undefined && context ? fitsNothing(context.dpuId, levels) : NO_DPU;
  for (let index = from; index < to; index++)
    hear(context && kind ? readingIn(message, index, context) : { rejection }, index);
}

function fitsNothing(dpuId: DpuId, levels: readonly string[]): Rejection {
  const token = tokenOfDpu(dpuId);
  return {
    reason: 'bad_subject',
    field: '',
    detail: `dpu.${token}.${levels.join('.')} is no subject of readings or heartbeats; readings go to dpu.${token}.readings`,
  };
}

type DpuContext = ParseContext & { readonly dpuId: DpuId };

function readingIn(message: Message, index: number, context: DpuContext): Taken {
  const item = message.item(index);
  if (!item) return { rejection: NOT_JSON };
  const parsed = parseReading(item.value, context);
  if (!parsed.ok) return parsed;
  const { timestampMs } = parsed.reading;
  // The object as it was parsed: a copy would be a tenth of the work of routing.
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
