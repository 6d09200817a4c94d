// Keeps track of the cursors that are open on a stream in this process.
import type { Partition } from '../domain/ids.ts';
import type { PartitionCursor } from './partition-cursor.ts';

const NONE: ReadonlySet<PartitionCursor> = new Set();

export class OpenCursors {
  readonly #all = new Set<PartitionCursor>();
  readonly #byPartition = new Map<Partition, Set<PartitionCursor>>();

  get size(): number {
    return this.#all.size;
  }

  /** The number of partitions with at least one cursor. */
  get partitions(): number {
    return this.#byPartition.size;
  }

  of(partition: Partition | 'all'): ReadonlySet<PartitionCursor> {
    return partition === 'all' ? this.#all : (this.#byPartition.get(partition) ?? NONE);
  }

  add(cursor: PartitionCursor): void {
    this.#all.add(cursor);
    const others = this.#byPartition.get(cursor.partition);
    if (others) others.add(cursor);
    else this.#byPartition.set(cursor.partition, new Set([cursor]));
  }

  delete(cursor: PartitionCursor): void {
    this.#all.delete(cursor);
    const others = this.#byPartition.get(cursor.partition);
    others?.delete(cursor);
    if (others?.size === 0) this.#byPartition.delete(cursor.partition);
  }
}
