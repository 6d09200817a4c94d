// A partition's state as bytes, and back: with the log's sequence it is a checkpoint, which any process
// can resume. Versioned; a version this code does not know is refused, and the log is folded again.
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import { type EventTuple, fromTuple, type LoggedEvent, toTuple } from '../../src/domain/log-entry.ts';
import type { ResetPoint, ResetSchedule } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { SpaceState, type Correction } from '../space/space-state.ts';
import type { WatermarkInput } from '../space/watermark.ts';
import { blockOf } from './block.ts';
import { PartitionFold } from './partition-fold.ts';

const VERSION = 1;

type LoggedTuple = [number, ...EventTuple];

interface SpaceSnapshot {
  id: number;
  inputs: readonly WatermarkInput[];
  schedule: ResetSchedule;
  newestMs: [string, number][];
  watermarkMs: number;
  buffer: LoggedTuple[];
  base: ResetPoint;
  nextResetMs: number;
  occupancy: Occupancy;
  correction: Correction | null;
  lastReadingMs: number;
  lateEvents: number;
}

interface PartitionSnapshot {
  version: number;
  partition: number;
  partitions: number;
  seq: number;
  logMs: number;
  clocks: number[];
  positionSeqs: number[];
  settings: Settings;
  openNumber: number;
  openedMs: number | null;
  cutRequested: boolean;
  openRows: LoggedTuple[];
  unstored: { number: number; rows: LoggedTuple[] }[];
  spaces: SpaceSnapshot[];
}

export function encodeSnapshot(fold: PartitionFold): string {
  const snapshot: PartitionSnapshot = {
    version: VERSION,
    partition: fold.partition,
    partitions: fold.partitions,
    seq: fold.seq,
    logMs: fold.logMs,
    clocks: fold.clocks,
    positionSeqs: fold.positionSeqs,
    settings: fold.settings,
    openNumber: fold.openNumber,
    openedMs: fold.openedMs,
    cutRequested: fold.cutRequested,
    openRows: fold.openRows.map(toLoggedTuple),
    unstored: fold.unstored.map(({ number, rows }) => ({ number, rows: rows.map(toLoggedTuple) })),
    spaces: [...fold.actors.keys()].flatMap((id) => {
      const state = fold.state(id);
      return state ? [encodeSpace(state)] : [];
    }),
  };
  return JSON.stringify(snapshot);
}

/** @throws Error when the text is of another version */
export function decodeSnapshot(text: string): PartitionFold {
  const snapshot = JSON.parse(text) as PartitionSnapshot;
  if (snapshot.version !== VERSION) throw new Error(`checkpoint of unknown version ${snapshot.version}`);
  const fold = new PartitionFold(snapshot.partition as Partition, snapshot.partitions);
  fold.seq = snapshot.seq;
  fold.logMs = snapshot.logMs;
  snapshot.clocks.forEach((clockMs, router) => (fold.clocks[router] = clockMs));
  snapshot.positionSeqs.forEach((seq, router) => (fold.positionSeqs[router] = seq));
  fold.settings = snapshot.settings;
  fold.openNumber = snapshot.openNumber;
  fold.openedMs = snapshot.openedMs;
  fold.cutRequested = snapshot.cutRequested;
  fold.openRows = snapshot.openRows.map(fromLoggedTuple);
  for (const { number, rows } of snapshot.unstored) {
    fold.unstored.push(blockOf(fold.partition, number, rows.map(fromLoggedTuple)));
  }
  for (const space of snapshot.spaces) fold.restore(decodeSpace(space));
  return fold;
}

function encodeSpace(state: SpaceState): SpaceSnapshot {
  return {
    id: state.spaceId,
    inputs: state.inputs,
    schedule: state.schedule,
    newestMs: [...state.newestMs],
    watermarkMs: state.watermarkMs,
    buffer: state.buffer.items().map(toLoggedTuple),
    base: state.base,
    nextResetMs: state.nextResetMs,
    occupancy: state.occupancy,
    correction: state.correction,
    lastReadingMs: state.lastReadingMs,
    lateEvents: state.lateEvents,
  };
}

function decodeSpace(snapshot: SpaceSnapshot): SpaceState {
  const state = new SpaceState(snapshot.id as SpaceId);
  state.inputs = snapshot.inputs;
  state.schedule = snapshot.schedule;
  for (const [dpuId, newestMs] of snapshot.newestMs) state.newestMs.set(dpuId as DpuId, newestMs);
  state.watermarkMs = snapshot.watermarkMs;
  for (const tuple of snapshot.buffer) state.buffer.add(fromLoggedTuple(tuple));
  state.base = snapshot.base;
  // A deadline is data, not a timer: restoring it arms it.
  state.nextResetMs = snapshot.nextResetMs;
  state.occupancy = snapshot.occupancy;
  state.correction = snapshot.correction;
  state.lastReadingMs = snapshot.lastReadingMs;
  state.lateEvents = snapshot.lateEvents;
  return state;
}

function toLoggedTuple(event: LoggedEvent): LoggedTuple {
  return [event.seq, ...toTuple(event)];
}

function fromLoggedTuple([seq, ...tuple]: LoggedTuple): LoggedEvent {
  return fromTuple(tuple, seq);
}
