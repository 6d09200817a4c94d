// ClickHouse's records for a repair of the logs, in memory.
import type { DpuId, Partition } from '../../../src/domain/ids.ts';
import { NOWHERE } from '../../../src/domain/ids.ts';
import { identityOf, readingIdOf, type Reading } from '../../../src/domain/reading.ts';
import { compareEvents, readingOf, uncountedAs, type EventPlace } from '../../../src/domain/space-event.ts';
import type { StoredBlockMark } from '../../../src/ports/space-events-log.ts';
import type {
  Claim,
  CopiedEntry,
  ReadingCounts,
  ReadingsInOrder,
  RecoveryRecords,
} from '../../../src/ports/recovery.ts';
import type { Access } from './memory-cursor.ts';
import { awayError, type MemoryTables, type Row } from './memory-history.ts';

export class MemoryRecovery implements RecoveryRecords {
  readonly #access: Access;
  readonly #tables: MemoryTables;

  constructor(access: Access, tables: MemoryTables) {
    this.#access = access;
    this.#tables = tables;
  }

  async epochs(): Promise<{ begun: number; done: number }> {
    return this.#ask('epochs', () => ({ begun: this.#tables.epochs.begun, done: this.#tables.epochs.done }));
  }

  async beginEpoch(epoch: number, known: string): Promise<void> {
    await this.#ask(
      `begin epoch ${epoch}`,
      () => {
        this.#tables.epochs.begun = Math.max(epoch, this.#tables.epochs.begun);
        if (known !== '') this.#tables.epochs.known.set(known, epoch);
      },
      true,
    );
  }

  async begunReports(): Promise<string[]> {
    return this.#ask('begun reports', () =>
      [...this.#tables.epochs.known]
        .filter(([, epoch]) => epoch > this.#tables.epochs.done)
        .sort(([, a], [, b]) => a - b)
        .map(([report]) => report),
    );
  }

  async finishEpoch(epoch: number, report: string): Promise<void> {
    await this.#ask(
      `finish epoch ${epoch}`,
      () => {
        this.#tables.epochs.done = Math.max(epoch, this.#tables.epochs.done);
        this.#tables.reports.push({ epoch, atMs: 0, report });
      },
      true,
    );
  }

  async reports(limit: number): Promise<{ epoch: number; atMs: number; report: string }[]> {
    return this.#ask('reports', () => this.#tables.reports.toSorted((a, b) => b.epoch - a.epoch).slice(0, limit));
  }

  async copiedAfter(seq: number): Promise<CopiedEntry[]> {
    return this.#ask('copied topology', () => this.#copied().filter((entry) => entry.seq > seq));
  }

  async lastCopied(): Promise<Pick<CopiedEntry, 'seq' | 'digest'> | undefined> {
    return this.#ask('last copied', () => this.#copied().at(-1));
  }

  /** Without entries of an earlier epoch after an entry of a later one. */
  #copied(): (CopiedEntry & { readonly epoch: number })[] {
    let highest = 0;
    return [...this.#tables.topology.values()]
      .sort((a, b) => a.seq - b.seq)
      .filter(({ epoch }) => (highest = Math.max(highest, epoch)) === epoch);
  }

  async copyTopology(entries: readonly CopiedEntry[], epoch: number): Promise<void> {
    await this.#ask(
      'copy topology',
      () => {
        for (const entry of entries)
          if ((this.#tables.topology.get(entry.seq)?.epoch ?? -1) <= epoch)
            this.#tables.topology.set(entry.seq, { ...entry, epoch });
      },
      true,
    );
  }

  async lastBlocks(): Promise<Map<Partition, StoredBlockMark>> {
    return this.#ask('last blocks', () => {
      const last = new Map<Partition, StoredBlockMark>();
      for (const row of this.#tables.spaceEvents)
        if (row.block >= (last.get(row.partition)?.number ?? 0)) last.set(row.partition, markOfRow(row));
      return last;
    });
  }

  async blocksFrom(partition: Partition, epoch: number, logSeq: number): Promise<StoredBlockMark[]> {
    return this.#ask('blocks', () => {
      const blocks = new Map<number, StoredBlockMark>();
      for (const row of this.#tables.spaceEvents)
        if (row.partition === partition && row.epoch === epoch && row.mark.seq >= logSeq)
          blocks.set(row.block, markOfRow(row));
      return [...blocks.values()].sort((a, b) => a.number - b.number);
    });
  }

  async readingsFromBlock(
    partition: Partition,
    block: number,
    after: EventPlace | null,
    limit: number,
  ): Promise<ReadingsInOrder> {
    return this.#readings((row) => row.partition === partition && row.block >= block, after, limit);
  }

  async allReadings(after: EventPlace | null, limit: number): Promise<ReadingsInOrder> {
    return this.#readings(() => true, after, limit);
  }

  async claimsOf(readings: readonly Reading[]): Promise<Claim[]> {
    const wanted = new Set(readings.map(readingIdOf));
    return this.#ask('claims', () => {
      const claims = new Map<string, Claim & { signs: number }>();
      for (const row of this.#tables.spaceEvents) {
        if (!wanted.has(row.readingId)) continue;
        const { spaceId, dpuId, doorwayId, timestampMs, measure, entrances, exits, isEgress, primary, sign } = row;
        const { name, hasPreviousId } = row;
        const key = [
          row.readingId,
          timestampMs,
          measure,
          spaceId,
          doorwayId,
          entrances,
          exits,
          isEgress,
          primary,
        ].join();
        const claim = claims.get(key) ?? {
          spaceId,
          dpuId,
          doorwayId,
          timestampMs,
          measure,
          entrances,
          exits,
          isEgress,
          primary,
          signs: 0,
          ...(name === undefined ? {} : { name }),
          ...(hasPreviousId ? { hasPreviousId } : {}),
        };
        claim.signs += sign;
        claims.set(key, claim);
      }
      return [...claims.values()];
    });
  }

  async readingCounts(): Promise<Map<DpuId, ReadingCounts>> {
    return this.#ask('reading counts', () => {
      const counts = new Map<DpuId, { -readonly [Name in keyof ReadingCounts]: number }>();
      const countOf = (dpuId: DpuId): { -readonly [Name in keyof ReadingCounts]: number } => {
        const count = counts.get(dpuId) ?? { readings: 0, held: 0, excluded: 0, deleted: 0 };
        counts.set(dpuId, count);
        return count;
      };
      for (const { dpuId } of this.#tables.known.values()) countOf(dpuId).readings += 1;
      for (const { spaceId, doorwayId, dpuId, sign } of this.#tables.spaceEvents)
        if (spaceId === NOWHERE) countOf(dpuId)[uncountedAs(doorwayId)] += sign;
      return counts;
    });
  }

  #readings(matches: (row: Row) => boolean, after: EventPlace | null, limit: number): Promise<ReadingsInOrder> {
    return this.#ask('readings in order', () => {
      const found = new Map<string, { reading: Reading; place: EventPlace }>();
      for (const row of this.#tables.spaceEvents) {
        const reading = readingOf(row);
        if (matches(row) && (!after || compareEvents(row, after) > 0))
          found.set(identityOf(reading), {
            reading,
            place: { timestampMs: row.timestampMs, readingId: row.readingId },
          });
      }
      const page = [...found.values()].sort((a, b) => compareEvents(a.place, b.place)).slice(0, limit);
      return {
        readings: page
          .map(({ reading }) => reading)
          .filter((reading) => this.#tables.counts(reading) || !reading.hasPreviousId),
        end: page.length < limit ? null : (page.at(-1)?.place ?? null),
      };
    });
  }

  async #ask<T>(label: string, apply: () => T, isWrite = false): Promise<T> {
    const answer = await this.#access.scheduler.request(this.#access.owner, {
      label,
      isWrite,
      failure: awayError,
      apply: () => (this.#tables.isAway ? undefined : { value: apply() }),
    });
    if (!answer) throw awayError();
    return answer.value;
  }
}

function markOfRow({ block, epoch, mark }: Row): StoredBlockMark {
  return { number: block, epoch, mark };
}
