// Placements: which doorway a DPU was above, and when. Each record is in force until the next one begins.
import type { DoorwayId } from './ids.ts';
import { BEGINNING_MS, END_MS } from './instant.ts';
import type { PlacementRecord } from './topology.ts';

/** A DPU was above a doorway, or above none (null), during `[fromMs, toMs)`. */
export interface Placement {
  readonly doorwayId: DoorwayId | null;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A span of event time, `[fromMs, toMs)`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The doorway above which a DPU was at an instant; null if none. */
export function doorwayAt(records: readonly PlacementRecord[], atMs: number): DoorwayId | null {
  for (let index = records.length - 1; index >= 0; index--) {
    const record = records[index];
    if (record && record.fromMs <= atMs) return record.doorwayId;
  }
  return null;
}

/** Merges spans that overlap or touch. Ascending, and none of them is empty. */
export function mergedSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const { fromMs, toMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last && fromMs <= last.toMs)
      merged[merged.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, toMs) };
    else if (fromMs < toMs) merged.push({ fromMs, toMs });
  }
  return merged;
}

/** @param spans as returned by `mergedSpans` */
export function isWithinSpans(spans: readonly Span[], atMs: number): boolean {
  // Backwards, because most readings are newer than all spans.
  for (let index = spans.length - 1; index >= 0; index--) {
    const span = spans[index];
    if (span && span.fromMs <= atMs) return atMs < span.toMs;
  }
  return false;
}

/** The records as spans; the last one has no end (END_MS). */
export function placementsOf(records: readonly PlacementRecord[]): Placement[] {
  return records.map((record, index) => ({
    doorwayId: record.doorwayId,
    fromMs: record.fromMs,
    toMs: records[index + 1]?.fromMs ?? END_MS,
  }));
}

/** Inserts a record in order, replacing one with the same `fromMs`. */
export function withRecord(records: readonly PlacementRecord[], added: PlacementRecord): PlacementRecord[] {
  return [...records.filter((record) => record.fromMs !== added.fromMs), added].sort((a, b) => a.fromMs - b.fromMs);
}

/** The spans in which two placement histories name different doorways. */
export function spansOfDifference(before: readonly PlacementRecord[], after: readonly PlacementRecord[]): Span[] {
  const cuts = [...new Set([BEGINNING_MS, ...before.map((r) => r.fromMs), ...after.map((r) => r.fromMs)])].sort(
    (a, b) => a - b,
  );
  return cuts.flatMap((fromMs, index) =>
    doorwayAt(before, fromMs) === doorwayAt(after, fromMs) ? [] : [{ fromMs, toMs: cuts[index + 1] ?? END_MS }],
  );
}

/** The spans in which a placement history names this doorway. */
export function spansAtDoorway(records: readonly PlacementRecord[], doorwayId: DoorwayId): Span[] {
  return placementsOf(records).filter((placement) => placement.doorwayId === doorwayId);
}
