// ClickHouse's port in memory, with the contracts of its tables: a window of tokens for each table,
// an insert that may stop between two parts, rows that are read up to a block.
import { blockToken, type Block } from '../../../actors/shard/block.ts';
import { TABLES } from '../../../src/clickhouse/schema.ts';
import { Failure } from '../../../src/domain/failure.ts';
import type { DpuId, Partition, SpaceId } from '../../../src/domain/ids.ts';
import type { LoggedEvent } from '../../../src/domain/log-entry.ts';
import { readingIdOf, takesPrecedence, type Direction, type Reading } from '../../../src/domain/reading.ts';
import { append, EMPTY_SEGMENT, segmentOf, type Segment } from '../../../src/domain/segment.ts';
import { readingOf } from '../../../src/domain/space-event.ts';
import type { DpuReadingsPage, DpuReadingsQuery, History, HistoryEvent, KnownReading, OccupancyRequest } from '../../../src/ports.ts';
import type { Access } from './memory-cursor.ts';

export interface Row extends LoggedEvent {
  readonly partition: Partition;
  readonly block: number;
}

export interface Minute {
  net: number;
  entrances: number;
  exits: number;
}

type TableName = 'space_events' | 'readings' | 'counts_by_minute';

/** From the schema itself, so that a window that is missing there is missing here. */
const HAS_WINDOW = new Map((['space_events', 'readings', 'counts_by_minute'] as const).map((name) =>
  [name, TABLES.some((ddl) => ddl.includes(`EXISTS ${name} (`) && /non_replicated_deduplication_window = [1-9]/.test(ddl))]));

/** What a ClickHouse server holds. Survives every process. */
export class MemoryTables {
  readonly spaceEvents: Row[] = [];
  readonly rowsOfSpaces = new Map<SpaceId, Row[]>();
  readonly readings: Row[] = [];
  /** Of each identity that has any row, the reading that counts. */
  readonly known = new Map<string, KnownReading>();
  readonly minutes = new Map<string, Minute>();
  readonly #tokens = new Set<string>();
  /** What each block was when it was first sent: it must be the same whoever sends it again. */
  readonly #blocks = new Map<string, string>();
  readonly objections: string[] = [];
  isAway = false;

  /** One part after the other: the source by month, then each view. @param partsMax how many before it stops */
  insert(token: string, rows: readonly Row[], partsMax = Infinity): void {
    const content = JSON.stringify(rows);
    const before = this.#blocks.get(token);
    if (before === undefined) this.#blocks.set(token, content);
    else if (before !== content) this.objections.push(`block ${token} had other rows when it was sent again: ${content} instead of ${before}`);
    const byMonth = new Map<string, Row[]>();
    for (const row of rows) {
      const month = new Date(row.timestampMs).toISOString().slice(0, 7);
      const some = byMonth.get(month);
      if (some) some.push(row);
      else byMonth.set(month, [row]);
    }
    const months = [...byMonth.keys()].sort();
    const parts = (['space_events', 'readings', 'counts_by_minute'] as const).flatMap((table) => months.map((month) => ({ table, month })));
    for (const { table, month } of parts.slice(0, partsMax)) {
      const key = `${table} ${month} ${token}`;
      if (HAS_WINDOW.get(table) && this.#tokens.has(key)) continue;
      this.#tokens.add(key);
      for (const row of byMonth.get(month) ?? []) this.#store(table, row);
    }
  }

  #store(table: TableName, row: Row): void {
    if (table === 'space_events') {
      this.spaceEvents.push(row);
      const ofSpace = this.rowsOfSpaces.get(row.spaceId);
      if (ofSpace) ofSpace.push(row);
      else this.rowsOfSpaces.set(row.spaceId, [row]);
    } else if (table === 'readings' && row.primary) {
      this.readings.push(row);
      const { readingId } = row;
      const before = this.known.get(readingId);
      if (!before || takesPrecedence(row, before.reading)) this.known.set(readingId, { reading: readingOf(row), readingId });
    } else if (table === 'counts_by_minute') {
      const key = `${row.spaceId} ${Math.floor(row.timestampMs / 60_000)}`;
      const minute = this.minutes.get(key) ?? { net: 0, entrances: 0, exits: 0 };
      this.minutes.set(key, minute);
      minute.net += row.delta * row.sign;
      minute[row.delta > 0 ? 'entrances' : 'exits'] += row.sign;
    }
  }
}

export class MemoryHistory implements History {
  readonly #access: Access;
  readonly #tables: MemoryTables;

  constructor(access: Access, tables: MemoryTables) {
    this.#access = access;
    this.#tables = tables;
  }

  async storeBlock(block: Block): Promise<void> {
    if (block.rows.length === 0) return;
    const token = blockToken('log', block);
    const rows = block.rows.map((row): Row => ({ ...row, partition: block.partition, block: block.number }));
    const insert = (partsMax?: number): boolean => {
      if (!this.#tables.isAway) this.#tables.insert(token, rows, partsMax);
      return !this.#tables.isAway;
    };
    const isStored = await this.#access.scheduler.request(this.#access.owner, {
      label: `store block ${token}`, isWrite: true, failure: awayError, apply: () => insert(), applyPart: () => insert(this.#access.random.int(1, 3)),
    });
    if (!isStored) throw awayError();
  }

  async lastBlock(partition: Partition): Promise<number> {
    return this.#read('last block', () => this.#tables.spaceEvents.reduce((last, row) => (row.partition === partition ? Math.max(last, row.block) : last), 0));
  }

  async newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>> {
    return this.#read('newest readings', () => {
      const newest = new Map<DpuId, number>();
      for (const { dpuId, timestampMs } of this.#tables.readings) if (dpuIds.includes(dpuId)) newest.set(dpuId, Math.max(newest.get(dpuId) ?? 0, timestampMs));
      return newest;
    });
  }

  async findReadings(readings: readonly Reading[]): Promise<KnownReading[]> {
    const wanted = [...new Set(readings.map(readingIdOf))];
    return this.#read('find readings', () => wanted.flatMap((id) => this.#tables.known.get(id) ?? []));
  }

  async readingsOfDpus({ dpuIds, fromMs, toMs, after, limit }: DpuReadingsQuery): Promise<DpuReadingsPage> {
    const place = ({ reading, readingId }: KnownReading): [string, number, string] => [reading.dpuId, reading.timestampMs, readingId];
    const start: [string, number, string] = [after.dpuId, after.timestampMs, after.readingId];
    return this.#read('readings of DPUs', () => {
      const readings = [...this.#tables.known.values()]
        .filter(({ reading }) => dpuIds.includes(reading.dpuId) && fromMs <= reading.timestampMs && reading.timestampMs < toMs)
        .filter((known) => compare(place(known), start) > 0)
        .sort((a, b) => compare(place(a), place(b)))
        .slice(0, limit);
      const last = readings.length < limit ? undefined : readings.at(-1);
      return { readings, end: last ? { dpuId: last.reading.dpuId, timestampMs: last.reading.timestampMs, readingId: last.readingId } : null };
    });
  }

  async occupancySegments(partition: Partition, requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>> {
    return this.#read('occupancy segments', () => new Map(requests.map(({ spaceId, block, afterMs }) => [
      spaceId, this.#events(spaceId, afterMs, Infinity, block, (row) => row.partition === partition).reduce((run, { delta }) => append(run, segmentOf(delta)), EMPTY_SEGMENT),
    ])));
  }

  async segments(spaceId: SpaceId, edgesMs: readonly number[], block: number): Promise<Segment[]> {
    return this.#read('segments', () => edgesMs.slice(0, -1).map((edge, gap) =>
      this.#events(spaceId, edge, edgesMs[gap + 1] ?? edge, block).reduce((run, { delta }) => append(run, segmentOf(delta)), EMPTY_SEGMENT)));
  }

  async events(spaceId: SpaceId, afterMs: number, upToMs: number, block: number): Promise<HistoryEvent[]> {
    return this.#read('events', () => this.#events(spaceId, afterMs, upToMs, block));
  }

  async ping(): Promise<boolean> {
    return !this.#tables.isAway;
  }

  #events(spaceId: SpaceId, afterMs: number, upToMs: number, block: number, where: (row: Row) => boolean = () => true): HistoryEvent[] {
    const changes = new Map<string, { row: Row; change: number }>();
    for (const row of this.#tables.rowsOfSpaces.get(spaceId) ?? []) {
      if (row.timestampMs <= afterMs || row.timestampMs > upToMs || row.block > block || !where(row)) continue;
      const key = `${row.timestampMs} ${row.readingId}`;
      const before = changes.get(key);
      if (before) before.change += row.delta * row.sign;
      else changes.set(key, { row, change: row.delta * row.sign });
    }
    return [...changes.values()].filter(({ change }) => change !== 0)
      .map(({ row, change }): HistoryEvent => ({ timestampMs: row.timestampMs, readingId: row.readingId, delta: change as Direction, sign: 1 }))
      .sort((a, b) => compare([a.timestampMs, a.readingId], [b.timestampMs, b.readingId]));
  }

  async #read<T>(label: string, apply: () => T): Promise<T> {
    const answer = await this.#access.scheduler.request(this.#access.owner, { label, failure: awayError, apply: () => (this.#tables.isAway ? undefined : { value: apply() }) });
    if (!answer) throw awayError();
    return answer.value;
  }
}

function awayError(): Failure {
  return new Failure('unavailable', 'ClickHouse is away', { retryAfterSeconds: 1 });
}

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (let at = 0; at < a.length; at++) {
    const [left, right] = [a[at] ?? '', b[at] ?? ''];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
