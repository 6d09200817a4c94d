// ClickHouse's port in memory, with the contracts of its tables: a window of tokens per table, inserts that may stop
// between two parts, and reads of rows up to a block.
import {
  blockToken,
  causeOfRow,
  commitSeqOf,
  readingsIn,
  type Block,
  type BlockMark,
} from '../../../actors/partition/block.ts';
import type { StoredNewest } from '../../../actors/partition/fold-from-history.ts';
import type { StoredClaim } from '../../../actors/partition/log-tail.ts';
import { TABLES } from '../../../src/clickhouse/schema.ts';
import { Failure } from '../../../src/domain/failure.ts';
import type { DpuId, Partition, SpaceId } from '../../../src/domain/ids.ts';
import { addTo } from '../../../src/domain/lists.ts';
import type { LoggedEvent } from '../../../src/domain/log-entry.ts';
import { EpochChanged } from '../../../src/domain/log-epoch.ts';
import type { LogPlace } from '../../../src/domain/log-place.ts';
import type { CopiedEntry } from '../../../src/ports/recovery.ts';
import { directionOf, type Passed } from '../../../src/domain/measure.ts';
import { identityOf, readingIdOf, type Reading } from '../../../src/domain/reading.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../../../src/domain/segment.ts';
import { readingOf, type EventPlace } from '../../../src/domain/space-event.ts';
import type { TimeAtCount } from '../../../src/domain/time-at-counts.ts';
import type {
  ChangedTotal,
  ChangesQuery,
  ClaimsQuery,
  DividedRequest,
  DpuClaim,
  DpuReadingsPage,
  DpuReadingsQuery,
  DoorwayTotal,
  EventsQuery,
  ExitsAtZero,
  ExitsAtZeroQuery,
  History,
  HistoryEvent,
  NewestInstantsQuery,
  OccupancyRequest,
  PassagesQuery,
  PartitionRecords,
  DpuInstant,
  SeriesPlace,
  StandingInstant,
  StoredTotals,
  TimeAtCountsQuery,
} from '../../../src/ports/history.ts';
import type { StoredBlockMark } from '../../../src/ports/space-events-log.ts';
import type { Access } from './memory-cursor.ts';
import { compare } from './compare.ts';
import { changesSince } from './changes.ts';
import { claimsOfRows } from './claim-queries.ts';
import { claimsAt } from './stored-claims.ts';
import { eventsOfRows } from './events-of-rows.ts';
import { eventsOfSpaces, segmentsOfSpaces, type SegmentsOf } from './events-of-spaces.ts';
import { MemoryHours, type SpaceQuery } from './memory-hours.ts';
import { pageOfReadings } from './page-of-readings.ts';
import { passages } from './passages.ts';
import { timeAtCounts } from './time-at-counts.ts';
import { doorwayTotals, exitsAtZero } from './explain-queries.ts';
import { newestInstants } from './newest-instants.ts';
import { neighboursAt } from './neighbours.ts';

export interface Row extends LoggedEvent {
  readonly partition: Partition;
  readonly block: number;
  readonly epoch: number;
  readonly mark: BlockMark;
  /** Of the commit that it came with; 0 if it came with none. */
  readonly commitSeq: number;
  readonly cause: string;
}

const TABLE_NAMES = ['space_events', 'readings', 'events_by_time'] as const;
type TableName = (typeof TABLE_NAMES)[number];

/** A run has a hundredth of the blocks for which the window is sized. */
const WINDOW_SCALE = 100;
/** How many blocks each table remembers, read from the schema, so that a missing or short window there shows here. */
const WINDOWS = new Map(
  TABLE_NAMES.map((name) => {
    const ddl = TABLES.find((some) => some.includes(`EXISTS ${name} (`)) ?? '';
    return [name, Math.ceil(Number(/non_replicated_deduplication_window = (\d+)/.exec(ddl)?.[1] ?? 0) / WINDOW_SCALE)];
  }),
);

/** The data of a ClickHouse server, which survives every process. */
export class MemoryTables {
  readonly spaceEvents: Row[] = [];
  readonly rowsOfSpaces = new Map<SpaceId, Row[]>();
  readonly readings: Row[] = [];
  /** Every reading with at least one row, by identity. */
  readonly known = new Map<string, Reading>();
  /** The reading that counts, by its previous form of id. */
  readonly #countingByPreviousId = new Map<string, Reading>();
  readonly eventsByTime: Row[] = [];
  /** The tokens of the last parts of each table, the oldest first. */
  readonly #tokens = new Map<TableName, Set<string>>();
  /** Every part ever stored. */
  readonly #parts = new Set<string>();
  readonly #unfinished = new Map<string, Partition>();
  readonly #lastBlocks = new Map<Partition, number>();
  /** The first version of each block, which every process must repeat exactly. */
  readonly #blocks = new Map<string, string>();
  readonly hours = new MemoryHours();
  readonly objections: string[] = [];
  isAway = false;
  /** Epochs of the logs: blocks of an epoch before `begun` are refused. `known` has the epoch of each begun report. */
  readonly epochs = { begun: 0, done: 0, known: new Map<string, number>() };
  /** Of the repairs that were finished. */
  readonly reports: { readonly epoch: number; readonly atMs: number; readonly report: string }[] = [];
  readonly topology = new Map<number, CopiedEntry & { readonly epoch: number }>();

  /** Part by part: the source by month, then each view. @param partsMax after how many it stops */
  insert(token: string, rows: readonly Row[], partsMax = Infinity): void {
    if (rows.some(({ epoch }) => epoch < this.epochs.begun)) return;
    const content = JSON.stringify(rows);
    const before = this.#blocks.get(token);
    if (before === undefined) this.#blocks.set(token, content);
    else if (before !== content)
      this.objections.push(`block ${token} had other rows when it was sent again: ${content} instead of ${before}`);
    const byMonth = new Map<string, Row[]>();
    for (const row of rows) addTo(byMonth, monthOf(row), row);
    const months = [...byMonth.keys()].sort();
    const parts = TABLE_NAMES.flatMap((table) => months.map((month) => ({ table, month })));
    for (const { table, month } of parts.slice(0, partsMax)) {
      if (this.#isRemembered(table, `${month} ${token}`)) continue;
      this.#parts.add(`${table} ${month} ${token}`);
      for (const row of byMonth.get(month) ?? []) this.#store(table, row);
    }
    const [first] = rows;
    if (!first) return;
    this.#lastBlocks.set(first.partition, Math.max(first.block, this.#lastBlocks.get(first.partition) ?? 0));
    if (partsMax >= parts.length) this.#unfinished.delete(token);
    else if (before === undefined) this.#unfinished.set(token, first.partition);
  }

  /** As in the engine, a part is not stored again if its token is among the table's last ones. */
  #isRemembered(table: TableName, key: string): boolean {
    const tokens = this.#tokens.get(table) ?? new Set();
    this.#tokens.set(table, tokens);
    if (tokens.has(key)) return true;
    tokens.add(key);
    for (const oldest of tokens) {
      if (tokens.size <= (WINDOWS.get(table) ?? 0)) break;
      tokens.delete(oldest);
    }
    return false;
  }

  /** True if a partition has all of its blocks up to this one, and nothing of a later one. */
  isWholeUpTo(partition: Partition, block: number): boolean {
    return ![...this.#unfinished.values()].includes(partition) && (this.#lastBlocks.get(partition) ?? 0) <= block;
  }

  /** Completes the views with the rows that the table of events has of a block. */
  complete(token: string, partition: Partition, number: number): void {
    const rows = this.spaceEvents.filter((row) => row.partition === partition && row.block === number);
    for (const table of ['readings', 'events_by_time'] as const) {
      for (const month of new Set(rows.map(monthOf))) {
        if (this.#parts.has(`${table} ${month} ${token}`)) continue;
        this.#parts.add(`${table} ${month} ${token}`);
        for (const row of rows) if (monthOf(row) === month) this.#store(table, row);
      }
    }
    this.#unfinished.delete(token);
  }

  /** Removes a block of one space from the views, as if they had never received it. */
  loseFromViews(spaceId: SpaceId, partition: Partition, block: number): void {
    for (const rows of [this.readings, this.eventsByTime])
      rows.splice(0, Infinity, ...rows.filter((row) => row.spaceId !== spaceId));
    for (const part of this.#parts)
      if (part.endsWith(` ${blockToken('log', { epoch: 0, partition, number: block })}`)) this.#parts.delete(part);
  }

  /** False for a reading that was retracted in favour of another one with the same previous form of id. */
  counts(reading: Reading): boolean {
    const counting = reading.hasPreviousId ? this.#countingByPreviousId.get(readingIdOf(reading)) : reading;
    return counting !== undefined && identityOf(counting) === identityOf(reading);
  }

  #store(table: TableName, row: Row): void {
    if (table === 'space_events') {
      this.spaceEvents.push(row);
      addTo(this.rowsOfSpaces, row.spaceId, row);
    } else if (table === 'readings' && row.primary) {
      this.readings.push(row);
      const reading = readingOf(row);
      this.known.set(identityOf(reading), reading);
      const before = this.#countingByPreviousId.get(row.readingId);
      if (row.hasPreviousId && (!before || compare(instantOf(row), instantOf(before)) < 0))
        this.#countingByPreviousId.set(row.readingId, reading);
    } else if (table === 'events_by_time') this.eventsByTime.push(row);
  }
}

const instantOf = ({ timestampMs, measure }: Reading): [number, number] => [timestampMs, directionOf(measure)];
const monthOf = (row: Row): string => new Date(row.timestampMs).toISOString().slice(0, 7);

export class MemoryHistory implements History, PartitionRecords {
  readonly #access: Access;
  readonly #tables: MemoryTables;

  constructor(access: Access, tables: MemoryTables) {
    this.#access = access;
    this.#tables = tables;
  }

  async storeBlock(block: Block): Promise<void> {
    if (block.rows.length === 0) return;
    const token = blockToken('log', block);
    const { partition, number, epoch, mark } = block;
    const rows = block.rows.map((row): Row => {
      const [commitSeq, cause] = [commitSeqOf(block, row), causeOfRow(block, row)];
      return { ...row, partition, block: number, epoch, mark, commitSeq, cause };
    });
    const insert = (partsMax?: number): boolean => this.#whileThere(() => this.#tables.insert(token, rows, partsMax));
    const isStored = await this.#access.scheduler.request(this.#access.owner, {
      label: `store block ${token}`,
      isWrite: true,
      failure: awayError,
      apply: () => insert(),
      applyPart: () => insert(this.#access.random.int(1, 3)),
    });
    if (!isStored) throw awayError();
    if (epoch < this.#tables.epochs.begun)
      throw new EpochChanged(`block ${number} of partition ${partition} is of epoch ${epoch}`);
  }

  async lastBlock(partition: Partition): Promise<number> {
    return this.#read('last block', () =>
      this.#tables.spaceEvents.reduce(
        (last, row) => (row.partition === partition ? Math.max(last, row.block) : last),
        0,
      ),
    );
  }

  async lastBlockMark(partition: Partition): Promise<StoredBlockMark | undefined> {
    return this.#read('last block', () => {
      const last = this.#tables.spaceEvents.reduce<Row | undefined>(
        (found, row) => (row.partition === partition && row.block >= (found?.block ?? 0) ? row : found),
        undefined,
      );
      return last && { number: last.block, epoch: last.epoch, mark: last.mark };
    });
  }

  async newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>> {
    return this.#read('newest readings', () => {
      const newest = new Map<DpuId, number>();
      for (const { dpuId, timestampMs } of this.#tables.readings)
        if (dpuIds.includes(dpuId)) newest.set(dpuId, Math.max(newest.get(dpuId) ?? 0, timestampMs));
      return newest;
    });
  }

  async findReadings(readings: readonly Reading[]): Promise<Reading[]> {
    const wanted = [...new Set(readings.map(identityOf))];
    return this.#read('find readings', () => wanted.flatMap((identity) => this.#tables.known.get(identity) ?? []));
  }

  async readingsAt(places: readonly DpuInstant[]): Promise<Reading[]> {
    return this.#read('readings at instants', () =>
      [...this.#tables.known.values()].filter((reading) =>
        places.some(({ dpuId, timestampMs }) => reading.dpuId === dpuId && reading.timestampMs === timestampMs),
      ),
    );
  }

  async readingsOfDpus(query: DpuReadingsQuery): Promise<DpuReadingsPage> {
    return this.#read('readings of DPUs', () =>
      pageOfReadings([...this.#tables.known.values()], query, (reading) => this.#tables.counts(reading)),
    );
  }

  async neighbours(places: readonly SeriesPlace[]): Promise<Reading[]> {
    return this.#read('neighbours', () => neighboursAt([...this.#tables.known.values()], places));
  }

  async occupancySegments(requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>> {
    return this.#read(
      'occupancy segments',
      () =>
        new Map(
          requests.map(({ spaceId, block, afterMs }) => [
            spaceId,
            eventsOfRows(this.#rowsOf(spaceId), { block, afterMs, upToMs: Infinity }).reduce(
              (run, event) => append(run, segmentOf(event)),
              EMPTY_SEGMENT,
            ),
          ]),
        ),
    );
  }

  async segments(spaceId: SpaceId, edgesMs: readonly number[], block: number, upTo?: LogPlace): Promise<Segment[]> {
    return this.#read('segments', () =>
      edgesMs.slice(1).map((endMs, gap) => this.#segment({ spaceId, block, upTo }, edgesMs[gap] ?? 0, endMs)),
    );
  }

  async storeHours(partition: Partition, block: number, signal?: AbortSignal): Promise<void> {
    const rows = (): Row[] => this.#tables.spaceEvents.filter((row) => row.partition === partition);
    const { hours } = this.#tables;
    const changes = await this.#read('hours to store', () => hours.changes(rows(), block));
    if (!changes) return;
    for (const day of changes.days)
      if (!signal?.aborted) await this.#write('store hours', () => hours.storeDay(rows(), changes, day));
    if (!signal?.aborted) await this.#write('hours are stored', () => hours.markStored(partition, changes));
  }

  async events(
    spaceId: SpaceId,
    afterMs: number,
    upToMs: number,
    block: number,
    upTo?: LogPlace,
  ): Promise<HistoryEvent[]> {
    return this.#read('events', () => eventsOfRows(this.#rowsOf(spaceId), { block, upTo, afterMs, upToMs }));
  }

  async segmentsOfSpaces(spaces: readonly DividedRequest[], edgesMs: readonly number[]): Promise<SegmentsOf> {
    return this.#read('segments of spaces', () =>
      segmentsOfSpaces((query, afterMs, upToMs) => this.#segment(query, afterMs, upToMs), spaces, edgesMs),
    );
  }

  async eventsOfSpaces(
    spaces: readonly DividedRequest[],
    upToMs: number,
  ): Promise<ReadonlyMap<SpaceId, readonly HistoryEvent[]>> {
    return this.#read('events of spaces', () => eventsOfSpaces((id) => this.#rowsOf(id), spaces, upToMs));
  }

  async doorwayTotals(query: EventsQuery): Promise<DoorwayTotal[]> {
    return this.#read('doorway totals', () => doorwayTotals(this.#rowsOf(query.spaceId), query));
  }

  async exitsAtZero(query: ExitsAtZeroQuery): Promise<ExitsAtZero[]> {
    return this.#read('exits at zero', () => exitsAtZero(this.#rowsOf(query.spaceId), query));
  }

  async passages(query: PassagesQuery): Promise<Passed[]> {
    const rows = (): Row[] => query.spaces.flatMap(({ spaceId }) => this.#rowsOf(spaceId));
    return this.#read('passages', () => passages(rows(), query));
  }

  async timeAtCounts(query: TimeAtCountsQuery): Promise<TimeAtCount[]> {
    return this.#read('time at counts', () => timeAtCounts(this.#rowsOf(query.spaceId), query));
  }

  async claimsOfDpus(query: ClaimsQuery): Promise<DpuClaim[]> {
    return this.#read('claims of DPUs', () => claimsOfRows(this.#rowsOf(query.spaceId), query));
  }

  async changesSince(query: ChangesQuery): Promise<ChangedTotal[]> {
    return this.#read('changes', () => changesSince(this.#rowsOf(query.spaceId), query));
  }

  async rowCount({ spaceId, block, afterMs, upToMs }: EventsQuery): Promise<number> {
    return this.#read(
      'row count',
      () =>
        this.#rowsOf(spaceId).filter(
          (row) => row.block <= block && row.timestampMs > afterMs && row.timestampMs <= upToMs,
        ).length,
    );
  }

  async newestInstants(query: NewestInstantsQuery): Promise<StandingInstant[]> {
    return this.#read('newest instants', () => newestInstants(this.#rowsOf(query.spaceId), query));
  }

  async completeBlock(partition: Partition, number: number): Promise<void> {
    const epoch =
      this.#tables.spaceEvents.findLast((row) => row.partition === partition && row.block === number)?.epoch ?? 0;
    const token = blockToken('log', { epoch, partition, number });
    await this.#write(`complete block ${token}`, () => this.#tables.complete(token, partition, number));
  }

  async newest(partition: Partition): Promise<StoredNewest[]> {
    return this.#read('newest', () => {
      const newest = new Map<string, StoredNewest>();
      for (const { spaceId, dpuId, timestampMs, sign } of this.#tables.spaceEvents.filter(
        (row) => row.partition === partition,
      )) {
        const before = newest.get(`${spaceId} ${dpuId}`);
        newest.set(`${spaceId} ${dpuId}`, {
          spaceId,
          dpuId,
          newestMs: Math.max(before?.newestMs ?? 0, timestampMs),
          newestRetractedMs: Math.max(before?.newestRetractedMs ?? 0, sign < 0 ? timestampMs : 0),
        });
      }
      return [...newest.values()].sort((a, b) => compare([a.spaceId, a.dpuId], [b.spaceId, b.dpuId]));
    });
  }

  async claims(
    partition: Partition,
    places: readonly (EventPlace & { readonly spaceId: SpaceId })[],
  ): Promise<StoredClaim[]> {
    return this.#read('claims', () => claimsAt(this.#tables.spaceEvents, partition, places));
  }

  async storedTotals(): Promise<Map<Partition, StoredTotals>> {
    return this.#read('stored totals', () => {
      const totals = new Map<Partition, StoredTotals>();
      for (const { partition, block, primary, sign } of this.#tables.spaceEvents) {
        const { readings, lastBlock } = totals.get(partition) ?? { readings: 0, lastBlock: 0 };
        totals.set(partition, { readings: readings + (primary ? sign : 0), lastBlock: Math.max(lastBlock, block) });
      }
      return totals;
    });
  }

  async readingsUpTo(partition: Partition, block: number): Promise<number> {
    return this.#read('readings up to a block', () =>
      readingsIn(this.#tables.spaceEvents.filter((row) => row.partition === partition && row.block <= block)),
    );
  }

  async ping(): Promise<boolean> {
    return !this.#tables.isAway;
  }

  #segment(query: SpaceQuery, afterMs: number, upToMs: number): Segment {
    return this.#tables.hours.segment(this.#rowsOf(query.spaceId), query, afterMs, upToMs);
  }

  #rowsOf(spaceId: SpaceId): readonly Row[] {
    return this.#tables.rowsOfSpaces.get(spaceId) ?? [];
  }

  /** Makes the change unless ClickHouse is unavailable. @returns whether it was made */
  #whileThere(change: () => void): boolean {
    if (!this.#tables.isAway) change();
    return !this.#tables.isAway;
  }

  async #write(label: string, change: () => void): Promise<void> {
    const isDone = await this.#access.scheduler.request(this.#access.owner, {
      label,
      isWrite: true,
      failure: awayError,
      apply: () => this.#whileThere(change),
    });
    if (!isDone) throw awayError();
  }

  async #read<T>(label: string, apply: () => T): Promise<T> {
    const answer = await this.#access.scheduler.request(this.#access.owner, {
      label,
      failure: awayError,
      apply: () => (this.#tables.isAway ? undefined : { value: apply() }),
    });
    if (!answer) throw awayError();
    return answer.value;
  }
}

export function awayError(): Failure {
  return new Failure('unavailable', 'ClickHouse is unavailable', { retryAfterSeconds: 1 });
}
