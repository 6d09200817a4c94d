// Reads entries of the READINGS log: what is a reading, what is a sign of life, what is neither. A bad
// item becomes a dead letter and hurts only itself.
import { isDpuId, type DpuId } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { parseReading, type Reading, type Rejection } from '../domain/reading.ts';
import type { DeadLetter } from '../ports.ts';
import { rawItems } from './raw-items.ts';

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

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Entries carry `readings.<k>.<dpu>.<readings|heartbeat>`, or `readings.<k>.tick`.
 * @param skewMs how far ahead of its arrival a reading's timestamp may be
 */
export function takeIn(entries: readonly StoredEntry[], skewMs: number): Intake {
  const intake: Intake = { readings: [], heartbeats: [], deadLetters: [] };
  for (const entry of entries) {
    const [, , dpuId, kind] = entry.subject.split('.');
    if (kind === undefined) continue;
    const latestMs = entry.timeMs + skewMs;
    if (!isDpuId(dpuId)) bury(intake, entry, 0, entry.data, { reason: 'bad_dpu_id', field: 'dpu_id', detail: 'the subject names no DPU' });
    else if (kind === 'heartbeat') takeHeartbeat(intake, entry, dpuId, latestMs);
    else takeReadings(intake, entry, dpuId, latestMs);
  }
  return intake;
}

function takeReadings(intake: Intake, entry: StoredEntry, dpuId: DpuId, latestMs: number): void {
  const body = parseJson(entry.data);
  if (body === undefined) {
    bury(intake, entry, 0, entry.data, { reason: 'bad_json', field: '', detail: 'not JSON in UTF-8' });
    return;
  }
  const items: readonly unknown[] = Array.isArray(body) ? body : [body];
  let raw: Uint8Array[] | undefined;
  items.forEach((item, index) => {
    const parsed = parseReading(item, { dpuId, latestMs });
    if (parsed.ok) {
      intake.readings.push({ reading: parsed.reading, seq: entry.seq });
      return;
    }
    raw ??= Array.isArray(body) ? rawItems(entry.data) : [entry.data];
    bury(intake, entry, index, raw[index] ?? entry.data, parsed.rejection);
  });
}

function takeHeartbeat(intake: Intake, entry: StoredEntry, dpuId: DpuId, latestMs: number): void {
  if (entry.data.length === 0) {
    intake.heartbeats.push({ dpuId, timestampMs: entry.timeMs });
    return;
  }
  const body = parseJson(entry.data);
  // The rules for a reading's timestamp, applied to one without a direction.
  const parsed = parseReading({ timestamp: entry.timeMs, ...(body as object | undefined), direction: 1 }, { dpuId, latestMs });
  if (body === undefined) bury(intake, entry, 0, entry.data, { reason: 'bad_json', field: '', detail: 'not JSON in UTF-8' });
  else if (parsed.ok) intake.heartbeats.push({ dpuId, timestampMs: parsed.reading.timestampMs });
  else bury(intake, entry, 0, entry.data, parsed.rejection);
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}

function bury(intake: Intake, entry: StoredEntry, index: number, raw: Uint8Array, { reason, detail }: Rejection): void {
  intake.deadLetters.push({ reason, detail, subject: entry.subject, readingsSeq: entry.seq, index, raw });
}
