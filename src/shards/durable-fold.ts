// The fold of one partition with its input and output: reads the log, stores blocks, reads what a correction needs,
// and saves checkpoints. Each of these is a separate step, so that a simulation can interleave the steps and crash
// between them.
import type { Partition } from '../domain/ids.ts';
import { EpochChanged, type LogEpoch } from '../domain/log-epoch.ts';
import type { Checkpoints } from '../ports/checkpoints.ts';
import type { History } from '../ports/history.ts';
import type { LogCursor } from '../ports/log.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { decodeSnapshot, encodeSnapshot } from '../../actors/partition/snapshot.ts';
import { assertThere } from '../router/marked-logs.ts';
import { Superseded } from '../router/router.ts';
import type { CommonStart } from './common-start.ts';
import { correctFold } from './correct-fold.ts';

/** Small, because the process answers requests between two steps. */
const ENTRIES_PER_STEP = 32;
/** With more unstored blocks in memory, the log is not read: ClickHouse is unavailable or slow. */
const UNSTORED_BLOCKS_MAX = 64;
/** A checkpoint contains the unstored blocks. With more of them, the previous checkpoint is better than a new one. */
const UNSTORED_BLOCKS_IN_CHECKPOINT = 4;
/** Applying as many entries takes about as long as reading a checkpoint of some thousand spaces. */
const ENTRIES_BEHIND_CHECKPOINT_MAX = 10_000;

export interface DurableFoldDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly epoch: LogEpoch;
  readonly events: SpaceEventsLog;
  readonly history: History;
  readonly checkpoints: Checkpoints;
  /** Shared by the folds of a process. */
  readonly start: CommonStart;
  /** Yields to other work between two lines of a checkpoint. */
  readonly yieldTurn: () => Promise<void>;
}

export class DurableFold {
  readonly #deps: DurableFoldDeps;
  #fold: PartitionFold;
  #cursor: LogCursor | undefined;
  #revision = 0;
  #checkpointSeq = 0;
  /** What the fold had applied when the last checkpoint was saved or read. */
  #checkpointApplied = 0;
  /** As recorded in the last checkpoint. Never decreases. */
  #storedBeforeSeq = 0;
  /** Blocks before this one are known to be in history; undefined until history was asked. */
  #storedEarlier: number | undefined;
  #isPromoted = false;

  constructor(deps: DurableFoldDeps) {
    this.#deps = deps;
    this.#fold = new PartitionFold(deps.partition, deps.partitions, { epoch: deps.epoch.current });
  }

  get fold(): PartitionFold {
    return this.#fold;
  }

  /** Entries of the log that are not applied yet. */
  get behind(): number {
    return this.#cursor?.behind ?? 0;
  }

  /** True while the log is not read because ClickHouse has to catch up. */
  get isFull(): boolean {
    return this.#fold.unstored.length >= UNSTORED_BLOCKS_MAX;
  }

  /** True while there are blocks to store, or lookups that history can answer. */
  get hasWork(): boolean {
    return this.#fold.unstored.length > 0 || this.#fold.hasLookups;
  }

  /** @throws CheckpointRefused */
  async restore(): Promise<void> {
    const { partition, start, events } = this.#deps;
    const othersAfterSeq = await start.after(async () => this.#load());
    this.#cursor = await events.open(partition, this.#fold.seq, othersAfterSeq);
    // Checked only after the cursor is open, because the cursor detects later changes of the log.
    await assertThere(events, this.#fold.mark, `the checkpoint of shard ${partition}`);
  }

  /** @returns the sequence of the last commit that the checkpoint includes */
  async #load(): Promise<number> {
    const { partition, epoch, checkpoints } = this.#deps;
    const checkpoint = await checkpoints.load(partition);
    if (checkpoint) {
      this.#fold = await this.#read(checkpoint.snapshot);
      this.#revision = checkpoint.revision;
      this.#checkpointSeq = this.#fold.seq;
      this.#storedBeforeSeq = checkpoint.storedBeforeSeq;
    }
    if (this.#fold.epoch !== epoch.current)
      throw new EpochChanged(
        `partition ${partition}: the checkpoint is of epoch ${this.#fold.epoch}, and the logs are in ${epoch.current}`,
      );
    return this.#fold.seq;
  }

  /** True if the last checkpoint includes much more than this copy has applied. */
  async isOutdated(): Promise<boolean> {
    const { mark } = await this.#deps.checkpoints.last(this.#deps.partition);
    return mark.seq > this.#fold.seq + ENTRIES_BEHIND_CHECKPOINT_MAX;
  }

  /** Makes a copy the owner: from now on it stores blocks and saves checkpoints. */
  async promote(): Promise<void> {
    const { partition, checkpoints } = this.#deps;
    this.#isPromoted = true;
    ({ revision: this.#revision, storedBeforeSeq: this.#storedBeforeSeq } = await checkpoints.last(partition));
  }

  /** Removes blocks that the owner has stored, without storing any. */
  async followStored(): Promise<void> {
    if (this.#fold.unstored.length === 0) return;
    const last = await this.#lastBlock();
    if (this.#isPromoted) return;
    for (let block = this.#fold.unstored[0]; block && block.number < last; block = this.#fold.unstored[0])
      this.#fold.blockStored(block.number);
  }

  /** Waits for entries and applies them. */
  async follow(): Promise<void> {
    const entries = await this.#cursor?.next(ENTRIES_PER_STEP);
    for (const entry of entries ?? []) this.#fold.apply(entry);
  }

  /** Stores the oldest block that is not stored yet. @returns false when there is none */
  async flush(): Promise<boolean> {
    const block = this.#fold.unstored[0];
    if (!block) return false;
    // Blocks are stored in order: if block n has rows, all blocks before it are complete. Block n itself may be
    // partly stored, and is sent again with the same token.
    this.#storedEarlier ??= await this.#lastBlock();
    if (block.number >= this.#storedEarlier) await this.#deps.history.storeBlock(block);
    this.#fold.blockStored(block.number);
    return true;
  }

  /**
   * Called after the process was suspended, when another may have stored blocks. History is asked again before the
   * next block is sent, because ClickHouse remembers deduplication tokens only for some time.
   */
  forgetStored(): void {
    this.#storedEarlier = undefined;
  }

  /** Makes the corrections and looks up the newest readings that history can answer. */
  async correct(): Promise<void> {
    await correctFold(this.#fold, this.#deps.history);
  }

  /** True once at least as much has been applied since the last checkpoint as a new one would contain spaces. */
  get isCheckpointDue(): boolean {
    return this.#fold.applied - this.#checkpointApplied >= this.#fold.spaces;
  }

  /**
   * Saves the state, and how far the log is stored in ClickHouse.
   * @returns false if there is nothing new to save, or too much that is not stored
   * @throws Superseded
   */
  async checkpoint(): Promise<boolean> {
    const { partition, checkpoints } = this.#deps;
    if (this.#fold.seq === this.#checkpointSeq || this.#fold.unstored.length > UNSTORED_BLOCKS_IN_CHECKPOINT)
      return false;
    const { seq, applied, epoch, mark } = this.#fold;
    const commitSeqs = [...this.#fold.commitSeqs];
    // The previous owner may have stored more than this copy knows, and the log may be truncated up to there.
    const storedBeforeSeq = Math.max(this.#storedBeforeSeq, this.#fold.storedBeforeSeq);
    const snapshot = this.#inTurns(encodeSnapshot(this.#fold));
    const revision = await checkpoints.save(
      partition,
      { storedBeforeSeq, epoch, mark, commitSeqs, snapshot },
      this.#revision,
    );
    if (revision === undefined) throw new Superseded(`partition ${partition} was checkpointed by another process`);
    this.#revision = revision;
    this.#checkpointSeq = seq;
    this.#checkpointApplied = applied;
    // Routers truncate the log only up to this sequence, not up to the checkpoint: if the checkpoint is ever
    // unreadable, ClickHouse and the log together hold everything (ADR 0031).
    this.#storedBeforeSeq = storedBeforeSeq;
    return true;
  }

  /** Ends the wait of `follow`. */
  wake(): void {
    this.#cursor?.wake();
  }

  async stop(): Promise<void> {
    this.#cursor?.wake();
    await this.#cursor?.close();
  }

  /** The last block in history. @throws LogWentBack if that block was not cut from this log */
  async #lastBlock(): Promise<number> {
    const { history, events, partition, epoch } = this.#deps;
    const last = await history.lastBlockMark(partition);
    if (last && last.epoch === epoch.current)
      await assertThere(events, last.mark, `block ${last.number} of shard ${partition}`);
    return last?.number ?? 0;
  }

  /** The fold may change while its snapshot is written. */
  async *#inTurns(lines: Iterable<string>): AsyncGenerator<string> {
    for (const line of lines) {
      yield line;
      await this.#deps.yieldTurn();
    }
  }

  async #read(lines: Iterable<string>): Promise<PartitionFold> {
    const { partition, partitions, yieldTurn } = this.#deps;
    const reading = decodeSnapshot(partition, partitions, lines);
    for (;;) {
      const step = reading.next();
      if (step.done) return step.value;
      await yieldTurn();
    }
  }
}
