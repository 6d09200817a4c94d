// A partition's state as lines of JSON, and back: with the log's sequence it is a checkpoint, which any
// process can resume. In lines, so that neither writing nor reading one holds up everything else; no line
// is of more than some hundred events. Versioned; what this code cannot read is refused, and nothing is
// guessed: `density rebuild` computes the state again.
import { invariant } from '../../src/domain/failure.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { addTo } from '../../src/domain/lists.ts';
import { type EventTuple, fromTuple, type LoggedEvent, toTuple } from '../../src/domain/log-entry.ts';
import type { ResetPoint, ResetSchedule } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import type { Settings } from '../../src/domain/topology.ts';
import { SpaceState, type Correction } from '../space/space-state.ts';
import type { WatermarkInput } from '../space/watermark.ts';
import { blockOf, NO_MARK } from './block.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import { PartitionFold, type ReadingTotals } from './partition-fold.ts';

/** 3: sequences of a log whose commits are single messages. 4: epochs and marks. */
const VERSION = 4;
const VERSION_3 = 3;
const LINE_WEIGHT_MAX = 250;
/** About as long to write as so many events. */
const SPACE_WEIGHT = 5;

export type LoggedTuple = [number, ...EventTuple];

interface SpaceSnapshot {
  id: number;
  inputs: readonly WatermarkInput[];
  schedule: ResetSchedule;
  newestMs: [string, number][];
  watermarkMs: number;
  base: ResetPoint;
  nextResetMs: number;
  occupancy: Occupancy;
  correction: Correction | null;
  lastReadingMs: number;
  lateEvents: number;
}

interface Header {
  version: number;
  partition: number;
  partitions: number;
  /** 0 where it is missing, in version 3; so with the marks. */
  epoch?: number;
  seq: number;
  mark?: CommitMark;
  logMs: number;
  clocks: number[];
  commitSeqs: number[];
  settings: Settings;
  /** None in checkpoints of before it was kept. */
  totals?: ReadingTotals;
  openNumber: number;
  openedMs: number | null;
  lateMs: number | null;
  cutRequested: boolean;
  /** Numbers of the blocks that are not stored. */
  unstored: number[];
  unstoredMarks?: CommitMark[];
  /** How many follow, so that a snapshot with its end missing is noticed. */
  rows: number;
  buffered: number;
  spaces: number;
}

/** After the header. Rows are of a block by its number; buffered events come before their space. */
type Line =
  | { readonly rows: LoggedTuple[]; readonly block: number }
  | { readonly buffered: LoggedTuple[] }
  | { readonly spaces: SpaceSnapshot[] };

/** A checkpoint that this code cannot, or must not, resume from. */
export class CheckpointRefused extends Error {
  override readonly name = 'CheckpointRefused';

  constructor(partition: Partition, why: string, options?: ErrorOptions) {
    super(
      `the checkpoint of shard ${partition} cannot be used: ${why}; stop every process and run: density rebuild --shard ${partition}`,
      options,
    );
  }
}

/** The lines of a snapshot, each made when it is asked for: the fold must not change until the last. */
export function* encodeSnapshot(fold: PartitionFold): Generator<string, void> {
  const blocks = [...fold.unstored, { number: fold.openNumber, rows: fold.openRows }];
  const states = [...fold.actors.keys()].flatMap((id) => fold.state(id) ?? []);
  const header: Header = {
    version: VERSION,
    partition: fold.partition,
    partitions: fold.partitions,
    epoch: fold.epoch,
    seq: fold.seq,
    mark: fold.mark,
    logMs: fold.logMs,
    clocks: fold.clocks,
    commitSeqs: fold.commitSeqs,
    settings: fold.settings,
    ...(fold.totals ? { totals: fold.totals } : {}),
    openNumber: fold.openNumber,
    openedMs: fold.openedMs,
    lateMs: fold.lateMs,
    cutRequested: fold.cutRequested,
    unstored: fold.unstored.map(({ number }) => number),
    unstoredMarks: fold.unstored.map(({ mark }) => mark),
    rows: blocks.reduce((sum, { rows }) => sum + rows.length, 0),
    buffered: states.reduce((sum, { buffer }) => sum + buffer.size, 0),
    spaces: states.length,
  };
  yield JSON.stringify(header);
  for (const { number, rows } of blocks) {
    for (let at = 0; at < rows.length; at += LINE_WEIGHT_MAX)
      yield lineOf({ block: number, rows: rows.slice(at, at + LINE_WEIGHT_MAX).map(toLoggedTuple) });
  }
  yield* encodeBuffers(states);
  yield* encodeSpaces(states);
}

function* encodeBuffers(states: readonly SpaceState[]): Generator<string, void> {
  let buffered: LoggedTuple[] = [];
  for (const { buffer } of states) {
    if (buffer.size === 0) continue;
    for (const event of buffer.items()) {
      buffered.push(toLoggedTuple(event));
      if (buffered.length < LINE_WEIGHT_MAX) continue;
      yield lineOf({ buffered });
      buffered = [];
    }
  }
  if (buffered.length > 0) yield lineOf({ buffered });
}

function* encodeSpaces(states: readonly SpaceState[]): Generator<string, void> {
  let [spaces, weight]: [SpaceSnapshot[], number] = [[], 0];
  for (const state of states) {
    spaces.push(encodeSpace(state));
    weight += SPACE_WEIGHT + state.inputs.length + state.newestMs.size + state.schedule.manual.length;
    if (weight < LINE_WEIGHT_MAX) continue;
    yield lineOf({ spaces });
    [spaces, weight] = [[], 0];
  }
  if (spaces.length > 0) yield lineOf({ spaces });
}

const lineOf = (line: Line): string => JSON.stringify(line);

class SnapshotReader {
  readonly #fold: PartitionFold;
  readonly #header: Header;
  readonly #rows = new Map<number, LoggedEvent[]>();
  readonly #buffered = new Map<SpaceId, LoggedEvent[]>();
  #rowCount = 0;
  #bufferedCount = 0;

  /** @throws CheckpointRefused */
  constructor(partition: Partition, partitions: number, headerLine: string) {
    const header = parsed<Header>(partition, headerLine);
    if (header.version !== VERSION && header.version !== VERSION_3)
      throw new CheckpointRefused(
        partition,
        `it is of version ${header.version}, and this code reads version ${VERSION}`,
      );
    if (header.partition !== partition || header.partitions !== partitions) {
      throw new CheckpointRefused(
        partition,
        `it is that of shard ${header.partition} of ${header.partitions}, not of ${partition} of ${partitions}`,
      );
    }
    this.#header = header;
    this.#fold = new PartitionFold(partition, partitions);
  }

  /** @throws CheckpointRefused */
  add(text: string): void {
    const line = parsed<Line>(this.#fold.partition, text);
    this.#reading(() => {
      if ('rows' in line) this.#addRows(line.block, line.rows.map(fromLoggedTuple));
      else if ('buffered' in line) this.#addBuffered(line.buffered.map(fromLoggedTuple));
      else
        for (const space of line.spaces)
          this.#fold.restore(decodeSpace(space, this.#buffered.get(space.id as SpaceId) ?? []));
    });
  }

  /** After the last line. @throws CheckpointRefused */
  finish(): PartitionFold {
    const [fold, header] = [this.#fold, this.#header];
    return this.#reading(() => {
      const isWhole =
        this.#rowCount === header.rows && this.#bufferedCount === header.buffered && fold.actors.size === header.spaces;
      invariant(isWhole, () => 'a part of it is missing');
      fold.epoch = header.epoch ?? 0;
      fold.seq = header.seq;
      fold.mark = header.mark ?? NO_MARK;
      fold.logMs = header.logMs;
      header.clocks.forEach((clockMs, router) => (fold.clocks[router] = clockMs));
      header.commitSeqs.forEach((seq, router) => (fold.commitSeqs[router] = seq));
      fold.settings = header.settings;
      fold.totals = header.totals;
      fold.openNumber = header.openNumber;
      fold.openedMs = header.openedMs;
      fold.lateMs = header.lateMs;
      fold.cutRequested = header.cutRequested;
      fold.openRows = this.#rows.get(header.openNumber) ?? [];
      header.unstored.forEach((number, at) =>
        fold.unstored.push(
          blockOf(fold.epoch, fold.partition, number, this.#rows.get(number) ?? [], header.unstoredMarks?.[at]),
        ),
      );
      return fold;
    });
  }

  #addRows(block: number, rows: readonly LoggedEvent[]): void {
    this.#rowCount += rows.length;
    for (const row of rows) addTo(this.#rows, block, row);
  }

  #addBuffered(events: readonly LoggedEvent[]): void {
    this.#bufferedCount += events.length;
    for (const event of events) addTo(this.#buffered, event.spaceId, event);
  }

  /** JSON of the right version can still be something else than a snapshot. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw new CheckpointRefused(this.#fold.partition, `it cannot be read (${String(error)})`, { cause: error });
    }
  }
}

/** Reads a snapshot, a line at a time. @throws CheckpointRefused */
export function* decodeSnapshot(
  partition: Partition,
  partitions: number,
  lines: Iterable<string>,
): Generator<void, PartitionFold> {
  let reader: SnapshotReader | undefined;
  for (const line of lines) {
    if (reader) reader.add(line);
    else reader = new SnapshotReader(partition, partitions, line);
    yield;
  }
  if (!reader) throw new CheckpointRefused(partition, 'it is empty');
  return reader.finish();
}

function parsed<T>(partition: Partition, text: string): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new CheckpointRefused(partition, 'it is not JSON', { cause: error });
  }
  throw new CheckpointRefused(partition, 'it is no snapshot');
}

function encodeSpace(state: SpaceState): SpaceSnapshot {
  return {
    id: state.spaceId,
    inputs: state.inputs,
    schedule: state.schedule,
    newestMs: [...state.newestMs],
    watermarkMs: state.watermarkMs,
    base: state.base,
    nextResetMs: state.nextResetMs,
    occupancy: state.occupancy,
    correction: state.correction,
    lastReadingMs: state.lastReadingMs,
    lateEvents: state.lateEvents,
  };
}

function decodeSpace(snapshot: SpaceSnapshot, buffered: readonly LoggedEvent[]): SpaceState {
  const state = new SpaceState(snapshot.id as SpaceId);
  state.inputs = snapshot.inputs;
  state.schedule = snapshot.schedule;
  for (const [dpuId, newestMs] of snapshot.newestMs) state.newestMs.set(dpuId as DpuId, newestMs);
  state.watermarkMs = snapshot.watermarkMs;
  for (const event of buffered) state.buffer.add(event);
  state.base = snapshot.base;
  // A deadline is data, not a timer: restoring it arms it.
  state.nextResetMs = snapshot.nextResetMs;
  state.occupancy = snapshot.occupancy;
  state.correction = snapshot.correction;
  state.lastReadingMs = snapshot.lastReadingMs;
  state.lateEvents = snapshot.lateEvents;
  return state;
}

export function toLoggedTuple(event: LoggedEvent): LoggedTuple {
  return [event.seq, ...toTuple(event)];
}

export function fromLoggedTuple([seq, ...tuple]: LoggedTuple): LoggedEvent {
  return fromTuple(tuple, seq);
}
