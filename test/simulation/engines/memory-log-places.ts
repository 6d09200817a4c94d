// The places in the log that are recorded with the stored blocks.
import type { Partition } from '../../../src/domain/ids.ts';
import type { KnownFrom, LogPlaces, RecordedPlace } from '../../../src/ports/log-places.ts';
import { compare } from './compare.ts';
import type { Access } from './memory-cursor.ts';
import { awayError, type MemoryTables, type Row } from './memory-history.ts';

interface Cut {
  readonly row: Row;
  readonly cutMs: number;
}

export class MemoryLogPlaces implements LogPlaces {
  readonly #access: Access;
  readonly #tables: MemoryTables;

  constructor(access: Access, tables: MemoryTables) {
    this.#access = access;
    this.#tables = tables;
  }

  async placeAt(partition: Partition, atMs: number): Promise<RecordedPlace | undefined> {
    return this.#read('place in the log', (cuts) => {
      const before = cuts.filter(({ cutMs }) => cutMs <= atMs);
      const last = before.at(-1);
      if (!last) return undefined;
      const own = before.findLast(({ row }) => row.partition === partition);
      return { epoch: last.row.epoch, seq: last.row.mark.seq, block: own?.row.block ?? 0 };
    });
  }

  async knownFrom(): Promise<KnownFrom> {
    return this.#read('first place in the log', ([first]) => ({ firstMs: first?.cutMs, floor: undefined }));
  }

  async completeSeq(partition: Partition, epoch: number): Promise<number> {
    return this.#read('what is complete', (cuts) =>
      cuts
        .filter(({ row }) => row.partition === partition && row.epoch === epoch)
        .reduce((most, { row }) => Math.max(most, row.mark.completeSeq ?? 0), 0),
    );
  }

  async blocksCutBy(stored: readonly number[], atMs: number): Promise<readonly number[]> {
    return this.#read('blocks that were cut', (cuts) =>
      stored.map(
        (_, partition) =>
          cuts.findLast(({ row, cutMs }) => row.partition === partition && cutMs <= atMs)?.row.block ?? 0,
      ),
    );
  }

  async blocksFromMs(): Promise<number> {
    return Promise.resolve(0);
  }

  async #read<T>(label: string, apply: (cuts: readonly Cut[]) => T): Promise<T> {
    const answer = await this.#access.scheduler.request(this.#access.owner, {
      label,
      failure: awayError,
      apply: () => (this.#tables.isAway ? undefined : { value: apply(this.#cuts()) }),
    });
    if (!answer) throw awayError();
    return answer.value;
  }

  /** Of all blocks that were cut from a log, as ClickHouse orders them. */
  #cuts(): Cut[] {
    return this.#tables.spaceEvents
      .flatMap((row): Cut[] => (row.mark.cutMs ? [{ row, cutMs: row.mark.cutMs }] : []))
      .sort((a, b) => compare(orderOf(a), orderOf(b)));
  }
}

const orderOf = ({ row, cutMs }: Cut): number[] => [cutMs, row.epoch, row.mark.seq, row.partition];
