// Hosts the fold of one partition: feeds it the log, stores its blocks, has its floors read again,
// saves its state. Each is a step of its own, so that a simulation can interleave and crash them.
import type { Partition, SpaceId } from '../domain/ids.ts';
import { advance, EMPTY_SEGMENT, occupancyAfterReset } from '../domain/segment.ts';
import type { Checkpoints, History, LogCursor, SpaceEventsLog } from '../ports.ts';
import { PartitionFold } from '../../actors/shard/partition-fold.ts';
import { decodeSnapshot, encodeSnapshot } from '../../actors/shard/snapshot.ts';
import { reportSpace, type SpaceReport } from '../../actors/shard/space-report.ts';
import { Superseded } from '../router/router.ts';

/** Small, since a process goes on answering between two steps. */
const ENTRIES_PER_STEP = 8;
/** Blocks in memory beyond which the log waits: ClickHouse is away, or slow. */
const UNSTORED_BLOCKS_MAX = 64;
/** A checkpoint carries what is not stored; beyond this the older checkpoint serves better. */
const UNSTORED_BLOCKS_IN_CHECKPOINT = 4;

export interface PartitionHostDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly events: SpaceEventsLog;
  readonly history: History;
  readonly checkpoints: Checkpoints;
}

export class PartitionHost {
  readonly #deps: PartitionHostDeps;
  #fold: PartitionFold;
  #cursor: LogCursor | undefined;
  #revision = 0;
  #checkpointSeq = 0;
  /** Blocks before this one were stored in an earlier life. */
  #storedEarlier = 0;

  constructor(deps: PartitionHostDeps) {
    this.#deps = deps;
    this.#fold = new PartitionFold(deps.partition, deps.partitions);
  }

  get fold(): PartitionFold {
    return this.#fold;
  }

  /** Entries that wait to be folded. */
  get behind(): number {
    return this.#cursor?.behind ?? 0;
  }

  /** True while the log has to wait for ClickHouse. */
  get isFull(): boolean {
    return this.#fold.unstored.length >= UNSTORED_BLOCKS_MAX;
  }

  async restore(): Promise<void> {
    const { partition, checkpoints, events, history } = this.#deps;
    const checkpoint = await checkpoints.load(partition);
    if (checkpoint) {
      this.#fold = decodeSnapshot(checkpoint.snapshot);
      this.#revision = checkpoint.revision;
      this.#checkpointSeq = this.#fold.seq;
    }
    // Blocks are stored one after the other: where n has rows, all before it are stored whole. n
    // itself may be stored in part, and is sent again with its token.
    this.#storedEarlier = await history.lastBlock(partition);
    this.#cursor = await events.open(partition, this.#fold.seq);
  }

  /** Waits for entries and applies them. */
  async follow(): Promise<void> {
    const entries = await this.#cursor?.next(ENTRIES_PER_STEP);
    for (const entry of entries ?? []) this.#fold.apply(entry);
  }

  /** Stores the oldest block that is not stored. @returns false when there is none */
  async flush(): Promise<boolean> {
    const block = this.#fold.unstored[0];
    if (!block) return false;
    if (block.number >= this.#storedEarlier) await this.#deps.history.storeBlock(block);
    this.#fold.blockStored(block.number);
    return true;
  }

  /** Reads again, in one query, every floor that late readings or resets in the past may have moved. */
  async correct(): Promise<void> {
    const due = this.#fold.correctionsDue();
    if (due.length === 0) return;
    const requests = due.map(({ spaceId, block, base }) => ({ spaceId, block, afterMs: base.timestampMs }));
    const runs = await this.#deps.history.occupancySegments(this.#deps.partition, requests);
    for (const correction of due) {
      const start = occupancyAfterReset(correction.base.count);
      this.#fold.correct(correction, advance(start, runs.get(correction.spaceId) ?? EMPTY_SEGMENT));
    }
  }

  /** Saves the state, and lets go of the part of the log before it. @throws Superseded */
  async checkpoint(): Promise<void> {
    const { partition, checkpoints, events } = this.#deps;
    const { seq, storedBeforeSeq } = this.#fold;
    if (seq === this.#checkpointSeq || this.#fold.unstored.length > UNSTORED_BLOCKS_IN_CHECKPOINT) return;
    const snapshot = encodeSnapshot(this.#fold);
    const revision = await checkpoints.save(partition, { storedBeforeSeq, snapshot }, this.#revision);
    if (revision === undefined) throw new Superseded(`partition ${partition} was checkpointed by another process`);
    this.#revision = revision;
    this.#checkpointSeq = seq;
    await events.purgePartition(partition, seq + 1);
  }

  report(spaceId: SpaceId, atMs: number): SpaceReport {
    return reportSpace(this.#fold, spaceId, atMs);
  }

  wake(): void {
    this.#cursor?.wake();
  }

  async stop(): Promise<void> {
    this.#cursor?.wake();
    await this.#cursor?.close();
  }
}
