// The snapshot of a partition's state, as lines of JSON. Together with the log's sequence it is a checkpoint, from
// which any process can resume. A line has at most some hundred events, so that writing or reading it does not block
// other work for long. It is versioned: a snapshot that this code cannot read is refused and never interpreted by
// guess, and `density rebuild` computes the state again.
import { invariant } from '../../src/domain/failure.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { addTo } from '../../src/domain/lists.ts';
import {
  type EventTuple,
  fromPersonTuple,
  fromTuple,
  type LoggedEvent,
  type PersonTuple,
  toTuple,
} from '../../src/domain/log-entry.ts';
import { NewestReading, type NewestReadingSnapshot } from '../space/newest-reading.ts';
import { SpaceState, type SpaceSnapshot } from '../space/space-state.ts';
import { blockOf, type BlockMark } from './block.ts';
import type { FoldSnapshot } from './fold-snapshot.ts';
import { PartitionFold } from './partition-fold.ts';
import { withoutRepeatedLateBlockAge } from '../../src/domain/topology.ts';
import { fromStoredSpace, toStoredSpace, type StoredSpace } from './stored-occupancy.ts';

/**
 * Version 3 has the sequences of a log whose commits are single messages. Version 4 adds epochs and marks, version 5
 * measures (before, every reading was of one person). Version 6 has the newest final reading of a space (before, the
 * newest reading ever asserted, even if it was retracted). Version 7 has the count of a daily reset (before, it was 0).
 * Version 8 has the last block with a late row, on which the age of the next one depends.
 */
const VERSION = 8;
const VERSION_7 = 7;
const VERSION_4 = 4;
const VERSION_3 = 3;
const LINE_WEIGHT_MAX = 250;
/** Writing a space takes about as long as writing this many events. */
const SPACE_WEIGHT = 5;

export type LoggedTuple = [number, ...EventTuple];
type LoggedPersonTuple = [number, ...PersonTuple];

type Newer = 'epoch' | 'mark' | 'totals' | 'topologySeqs' | 'causes' | 'filledBlock';

/** Blocks are saved by number and mark; their rows are in the lines that follow. */
type Header = Omit<FoldSnapshot, 'openRows' | 'unstored' | Newer> &
  /** Missing in older snapshots. */
  Partial<Pick<FoldSnapshot, Newer>> & {
    readonly version: number;
    readonly partition: number;
    readonly partitions: number;
    readonly unstored: readonly number[];
    readonly unstoredMarks?: readonly BlockMark[];
    /** The numbers of items that follow, so that a truncated snapshot is detected. */
    readonly rows: number;
    readonly buffered: number;
    readonly spaces: number;
  };

/** A line after the header. Rows come first, each with the number of its block, then buffered events, then spaces. */
type Line =
  | { readonly rows: LoggedTuple[]; readonly block: number }
  | { readonly buffered: LoggedTuple[] }
  | { readonly spaces: (StoredSpace | StoredSpace6 | StoredSpace5)[] };

/** The form of versions before 7. */
type StoredSpace6 = Omit<StoredSpace, 'schedule'> & {
  readonly schedule: Omit<StoredSpace['schedule'], 'dailyResetCount'>;
};
/** The form of versions before 6. */
type StoredSpace5 = Omit<StoredSpace6, 'newestReading'> & { readonly lastReadingMs: number };

/** This code cannot, or must not, resume from a checkpoint. */
export class CheckpointRefused extends Error {
  override readonly name = 'CheckpointRefused';

  constructor(partition: Partition, why: string, options?: ErrorOptions) {
    super(
      `the checkpoint of shard ${partition} cannot be used: ${why}; stop every process and run: density rebuild --shard ${partition}`,
      options,
    );
  }
}

/** The lines of a snapshot of the state at the time of the call. They are encoded on demand, and the fold may go on meanwhile. */
export function encodeSnapshot(fold: PartitionFold): Generator<string, void> {
  const { openRows, unstored, totals, ...rest } = fold.snapshot();
  // The open block gets further rows.
  const blocks = [...unstored, { number: rest.openNumber, rows: [...openRows] }];
  const states = [...fold.spaceIds()].flatMap((id) => fold.state(id) ?? []);
  const header: Header = {
    version: VERSION,
    partition: fold.partition,
    partitions: fold.partitions,
    ...rest,
    ...(totals ? { totals } : {}),
    unstored: unstored.map(({ number }) => number),
    unstoredMarks: unstored.map(({ mark }) => mark),
    rows: blocks.reduce((sum, { rows }) => sum + rows.length, 0),
    buffered: states.reduce((sum, { buffered }) => sum + buffered, 0),
    spaces: states.length,
  };
  const buffers = states.flatMap((state) => (state.buffered > 0 ? [state.bufferedEvents()] : []));
  const spaces = states.map((state) => state.snapshot());
  return encodeLines(JSON.stringify(header), blocks, buffers, spaces);
}

function* encodeLines(
  header: string,
  blocks: readonly { readonly number: number; readonly rows: readonly LoggedEvent[] }[],
  buffers: readonly (readonly LoggedEvent[])[],
  spaces: readonly SpaceSnapshot[],
): Generator<string, void> {
  yield header;
  for (const { number, rows } of blocks) {
    for (let at = 0; at < rows.length; at += LINE_WEIGHT_MAX)
      yield lineOf({ block: number, rows: rows.slice(at, at + LINE_WEIGHT_MAX).map(toLoggedTuple) });
  }
  yield* encodeBuffers(buffers);
  yield* encodeSpaces(spaces);
}

function* encodeBuffers(buffers: readonly (readonly LoggedEvent[])[]): Generator<string, void> {
  let buffered: LoggedTuple[] = [];
  for (const events of buffers) {
    for (const event of events) {
      buffered.push(toLoggedTuple(event));
      if (buffered.length < LINE_WEIGHT_MAX) continue;
      yield lineOf({ buffered });
      buffered = [];
    }
  }
  if (buffered.length > 0) yield lineOf({ buffered });
}

function* encodeSpaces(all: readonly SpaceSnapshot[]): Generator<string, void> {
  let [spaces, weight]: [StoredSpace[], number] = [[], 0];
  for (const snapshot of all) {
    const space = toStoredSpace(snapshot);
    spaces.push(space);
    weight += SPACE_WEIGHT + space.inputs.length + space.newestMs.length + space.schedule.manual.length;
    if (weight < LINE_WEIGHT_MAX) continue;
    yield lineOf({ spaces });
    [spaces, weight] = [[], 0];
  }
  if (spaces.length > 0) yield lineOf({ spaces });
}

const lineOf = (line: Line): string => JSON.stringify(line);

class SnapshotReader {
  readonly #partition: Partition;
  readonly #header: Header;
  /** Created at the first line of spaces, when all rows are known. */
  #fold: PartitionFold | undefined;
  readonly #rows = new Map<number, LoggedEvent[]>();
  readonly #buffered = new Map<SpaceId, LoggedEvent[]>();
  /** Rows of the open block, by space; only in snapshots of older versions. */
  #openRows: Map<SpaceId, LoggedEvent[]> | undefined;
  #rowCount = 0;
  #bufferedCount = 0;

  /** @throws CheckpointRefused */
  constructor(partition: Partition, partitions: number, headerLine: string) {
    const header = parsed<Header>(partition, headerLine);
    if (header.version < VERSION_3 || header.version > VERSION)
      throw new CheckpointRefused(
        partition,
        `it is of version ${header.version}, and this code reads versions ${VERSION_3} to ${VERSION}`,
      );
    if (header.partition !== partition || header.partitions !== partitions) {
      throw new CheckpointRefused(
        partition,
        `it belongs to shard ${header.partition} of ${header.partitions}, not to ${partition} of ${partitions}`,
      );
    }
    this.#header = header;
    this.#partition = partition;
  }

  /** @throws CheckpointRefused */
  add(text: string): void {
    const line = parsed<Line>(this.#partition, text);
    this.#reading(() => {
      if ('rows' in line)
        this.#addRows(
          line.block,
          line.rows.map((tuple) => this.#event(tuple)),
        );
      else if ('buffered' in line) this.#addBuffered(line.buffered.map((tuple) => this.#event(tuple)));
      else
        for (const space of line.spaces)
          this.#begun().addSpace(SpaceState.restore(this.#current(space), this.#buffered.get(space.id) ?? []));
    });
  }

  #current(space: StoredSpace | StoredSpace6 | StoredSpace5): SpaceSnapshot {
    if (isWhole(space)) return fromStoredSpace(space);
    return fromStoredSpace({
      ...space,
      schedule: { dailyResetCount: 0, ...space.schedule },
      newestReading: 'newestReading' in space ? space.newestReading : this.#newestReadingOf(space.id),
    });
  }

  /** History has the readings of the cut blocks; those of the open block are in its rows. */
  #newestReadingOf(spaceId: SpaceId): NewestReadingSnapshot {
    const { openNumber } = this.#header;
    if (!this.#openRows) {
      this.#openRows = new Map();
      for (const row of this.#rows.get(openNumber) ?? []) addTo(this.#openRows, row.spaceId, row);
    }
    const newest = new NewestReading({ ms: BEGINNING_MS, block: openNumber - 1 });
    newest.cameLate(this.#openRows.get(spaceId) ?? [], openNumber);
    return newest.snapshot();
  }

  #event(tuple: LoggedTuple | LoggedPersonTuple): LoggedEvent {
    if (this.#header.version > VERSION_4) return fromLoggedTuple(tuple as LoggedTuple);
    const [seq, ...person] = tuple as LoggedPersonTuple;
    return fromPersonTuple(person, seq);
  }

  /** Call it after the last line. @throws CheckpointRefused */
  finish(): PartitionFold {
    return this.#reading(() => {
      const [fold, { rows, buffered, spaces }] = [this.#begun(), this.#header];
      const isWhole = this.#rowCount === rows && this.#bufferedCount === buffered && fold.spaces === spaces;
      invariant(isWhole, () => 'a part of it is missing');
      return fold;
    });
  }

  #begun(): PartitionFold {
    if (this.#fold) return this.#fold;
    const { partitions, unstored, unstoredMarks, epoch = 0, totals, version, settings, ...rest } = this.#header;
    const blocks = unstored.map((number, at) =>
      blockOf(epoch, this.#partition, number, this.#rows.get(number) ?? [], unstoredMarks?.[at]),
    );
    this.#fold = new PartitionFold(this.#partition, partitions, {
      ...rest,
      settings: version > VERSION_7 ? settings : withoutRepeatedLateBlockAge(settings),
      epoch,
      totals,
      openRows: this.#rows.get(rest.openNumber) ?? [],
      unstored: blocks,
    });
    return this.#fold;
  }

  #addRows(block: number, rows: readonly LoggedEvent[]): void {
    invariant(!this.#fold, () => 'its lines are out of order');
    this.#rowCount += rows.length;
    for (const row of rows) addTo(this.#rows, block, row);
  }

  #addBuffered(events: readonly LoggedEvent[]): void {
    this.#bufferedCount += events.length;
    for (const event of events) addTo(this.#buffered, event.spaceId, event);
  }

  /** JSON of the right version may still not be a snapshot. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw new CheckpointRefused(this.#partition, `it cannot be read (${String(error)})`, { cause: error });
    }
  }
}

/** Reads a snapshot line by line. @throws CheckpointRefused */
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

function isWhole(space: StoredSpace | StoredSpace6 | StoredSpace5): space is StoredSpace {
  return 'dailyResetCount' in space.schedule && 'newestReading' in space;
}

function parsed<T>(partition: Partition, text: string): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new CheckpointRefused(partition, 'it is not JSON', { cause: error });
  }
  throw new CheckpointRefused(partition, 'it is not a snapshot');
}

export function toLoggedTuple(event: LoggedEvent): LoggedTuple {
  return [event.seq, ...toTuple(event)];
}

export function fromLoggedTuple([seq, ...tuple]: LoggedTuple): LoggedEvent {
  return fromTuple(tuple, seq);
}
