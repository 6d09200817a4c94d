// Reads entries of the READINGS log: what is a reading, what is a sign of life, what is neither. A bad
// item becomes a dead letter and hurts only itself.
import { isDpuId, type DpuId } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { parseReading, type Reading, type Rejection } from '../domain/reading.ts';
import type { DeadLetter } from '../ports.ts';
import type { Slice } from './message.ts';

const NOT_JSON: Rejection = { reason: 'bad_json', field: '', detail: 'not JSON in UTF-8' };

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
  readonly deadLetters: DeadLetter[];
}

/**
 * Subjects are `readings.<k>.<dpu>.<readings|heartbeat>`, or `readings.<k>.tick`.
 * @param skewMs how far ahead of its arrival a reading's timestamp may be
 */
export function takeIn(slices: readonly Slice[], skewMs: number): Intake {
  const intake: Intake = { readings: [], heartbeats: [], deadLetters: [] };
  for (const slice of slices) {
    const { entry } = slice.message;
    const [, , dpuId, kind] = entry.subject.split('.');
    if (kind === undefined) continue;
    const latestMs = entry.timeMs + skewMs;
    if (isDpuId(dpuId) && kind === 'readings') takeReadings(intake, slice, dpuId, latestMs);
    // The others are taken whole, with their first slice.
    else if (slice.from > 0) continue;
    else if (isDpuId(dpuId)) takeHeartbeat(intake, entry, dpuId, slice.message.item(0), latestMs);
    else deadLetter(intake, entry, 0, entry.data, { reason: 'bad_dpu_id', field: 'dpu_id', detail: 'the subject names no DPU' });
  }
  return intake;
}

function takeReadings(intake: Intake, { message, from, to }: Slice, dpuId: DpuId, latestMs: number): void {
  const { entry } = message;
  for (let index = from; index < to; index++) {
    const item = message.item(index);
    const parsed = item && parseReading(item.value, { dpuId, latestMs });
    if (parsed?.ok) intake.readings.push({ reading: parsed.reading, seq: entry.seq });
    else deadLetter(intake, entry, index, message.raw(index), parsed?.rejection ?? NOT_JSON);
  }
}

function takeHeartbeat(intake: Intake, entry: StoredEntry, dpuId: DpuId, item: { readonly value: unknown } | undefined, latestMs: number): void {
  if (entry.data.length === 0) {
    intake.heartbeats.push({ dpuId, timestampMs: entry.timeMs });
    return;
  }
  // The rules for a reading's timestamp, applied to one without a direction.
  const parsed = item && parseReading({ timestamp: entry.timeMs, ...(item.value as object | undefined), direction: 1 }, { dpuId, latestMs });
  if (parsed?.ok) intake.heartbeats.push({ dpuId, timestampMs: parsed.reading.timestampMs });
  else deadLetter(intake, entry, 0, entry.data, parsed?.rejection ?? NOT_JSON);
}

function deadLetter(intake: Intake, entry: StoredEntry, index: number, raw: Uint8Array, { reason, detail }: Rejection): void {
  intake.deadLetters.push({ reason, detail, subject: entry.subject, readingsSeq: entry.seq, index, raw });
}
