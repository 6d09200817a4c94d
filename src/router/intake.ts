// Reads entries of the READINGS log: what is a reading, what is a sign of life, what is neither. A bad
// item hurts only itself.
import { isDpuId, type DpuId } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { parseReading, type Reading, type Rejection } from '../domain/reading.ts';
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

/** The latest timestamp that a reading in an entry may have. */
export type LatestOf = (entry: StoredEntry) => number;

export function takeIn(slices: readonly Slice[], latestOf: LatestOf): Intake {
  const intake: Intake = { readings: [], heartbeats: [], dead: 0, spoiled: new Set() };
  for (const { message, from, to } of slices) {
    const { seq } = message.entry;
    forEachItem(message, from, to, latestOf, (taken) => {
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
  latestOf: LatestOf,
  hear: (taken: Taken, index: number) => void,
): void {
  const [, , dpuId, kind] = message.entry.subject.split('.');
  if (kind === undefined) return;
  const latestMs = (message.latestMs ??= latestOf(message.entry));
  if (isDpuId(dpuId) && kind === 'readings') {
    for (let index = from; index < to; index++) hear(readingIn(message.item(index), dpuId, latestMs), index);
    // The others are taken whole, with their first slice.
  } else if (from === 0) {
    hear(isDpuId(dpuId) ? heartbeatIn(message, dpuId, latestMs) : { rejection: NO_DPU }, 0);
  }
}

function readingIn(item: ReturnType<Message['item']>, dpuId: DpuId, latestMs: number): Taken {
  return item ? parseReading(item.value, { dpuId, latestMs }) : { rejection: NOT_JSON };
}

function heartbeatIn(message: Message, dpuId: DpuId, latestMs: number): Taken {
  const { data, timeMs } = message.entry;
  if (data.length === 0) return { heartbeat: { dpuId, timestampMs: timeMs } };
  const item = message.item(0);
  if (!item) return { rejection: NOT_JSON };
  // The rules for a reading's timestamp, applied to one without a direction.
  const parsed = parseReading(
    { timestamp: timeMs, ...(item.value as object | undefined), direction: 1 },
    { dpuId, latestMs },
  );
  return parsed.ok ? { heartbeat: { dpuId, timestampMs: parsed.reading.timestampMs } } : parsed;
}
