// Reads a stream for all partitions of a process: with one steady consumer, whose entries are handed to the partitions in memory,
// and a temporary consumer for each partition that is behind it. Where a process reads few of a stream's partitions, each has its
// own consumer for good (read-mode.ts).
//
// Invariants:
// 1. A cursor gets the entries of its partition after the sequence it was opened at, in order, each once, none left out.
// 2. Cursors that follow the shared consumer get the same object for an entry, so that what is made of it can be kept with it.
// 3. A cursor that nobody reads delays the others for a bounded time.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogCursor } from '../ports/log.ts';
import { LogConsumer, SilentConsumer, STALL_CHECK_MS, type Receiver } from './log-consumer.ts';
import { OpenCursors } from './open-cursors.ts';
import { PartitionCursor, type CursorHome } from './partition-cursor.ts';
import type { ReadMode } from './read-mode.ts';
import { SharedConsumer } from './shared-consumer.ts';

const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
const IDLE_MAX_MS = 10_000;
const WAKE_LATER_MS = 10;

export interface StreamReaderOptions {
  readonly stream: string;
  /** Whom an entry is for, by its subject; 'all': for every partition. */
  readonly partitionOf: (subject: string) => Partition | 'all';
  /** What a partition's own consumer reads; none for everything. */
  readonly catchUpSubjects: (partition: Partition) => readonly string[];
  /** How the partitions are read while so many are open; together, unless given. */
  readonly modeFor?: (openPartitions: number, now: ReadMode) => ReadMode;
  /** False for entries that say nothing to a partition: a reader that waits hears of them some milliseconds later, together. True for all, unless given. */
  readonly isUrgent?: (entry: StoredEntry, partition: Partition) => boolean;
  /** Into how many partitions the entries fall; for `behind`. 1 where every partition gets every entry. */
  readonly partitions?: number;
  /** Of each cursor; when it joins the others it may hold twice as much. */
  readonly queueBytesMax?: number;
  /** A full cursor that takes nothing for so long has no consumer, until it is read again. */
  readonly idleMaxMs?: number;
  /** A consumer that leaves an entry undelivered from one check to the next fails. */
  readonly stallCheckMs?: number;
  /** How often the connection was lost. */
  readonly disconnects?: () => number;
}

export interface Silence {
  readonly stream: string;
  readonly silent: number;
  readonly failed: number;
}

export class StreamReader {
  readonly #js: JetStreamClient;
  readonly #options: Required<StreamReaderOptions>;
  readonly #cursors = new OpenCursors();
  readonly #home: CursorHome;
  #shared: SharedConsumer | undefined;
  #silences = 0;
  /** To be woken when the timer ends. */
  readonly #wokenLater = new Set<PartitionCursor>();

  constructor(js: JetStreamClient, options: StreamReaderOptions) {
    this.#js = js;
    this.#options = {
      modeFor: () => 'shared',
      isUrgent: () => true,
      partitions: 1,
      queueBytesMax: QUEUE_BYTES_MAX,
      idleMaxMs: IDLE_MAX_MS,
      stallCheckMs: STALL_CHECK_MS,
      disconnects: () => 0,
      ...options,
    };
    this.#home = this.#homeOfCursors();
  }

  /** Consumers that leave an entry undelivered now, and how many have failed for that. */
  get silence(): Silence {
    const silent =
      [...this.#cursors.of('all')].filter(({ isSilent }) => isSilent).length + (this.#shared?.isSilent ? 1 : 0);
    return { stream: this.#options.stream, silent, failed: this.#silences };
  }

  /** Any number of cursors may be open, also of one partition. @throws when the stream cannot be read */
  async open(partition: Partition, afterSeq: number): Promise<LogCursor> {
    const cursor = new PartitionCursor(this.#home, partition, afterSeq);
    this.#cursors.add(cursor);
    if (!this.#shared && this.#options.modeFor(this.#cursors.partitions, 'filtered') === 'shared') this.#startShared();
    const shared = this.#shared;
    try {
      if (shared && afterSeq >= shared.position) cursor.follow();
      else await cursor.catchUp();
      await shared?.opened;
      return cursor;
    } catch (error) {
      await cursor.close();
      throw error;
    }
  }

  #startShared(): void {
    const { stream, partitionOf, idleMaxMs, stallCheckMs, disconnects } = this.#options;
    const cursors = [...this.#cursors.of('all')];
    // From the most advanced cursor on: it would otherwise wait while the others' past is read.
    const afterSeq = Math.max(...cursors.map(({ lastSeq }) => lastSeq));
    const place = { stream, subjects: [], afterSeq, stallCheckMs, disconnects, partitionOf, idleMaxMs };
    const shared: SharedConsumer = new SharedConsumer(this.#js, place, this.#cursors, (error) =>
      this.#sharedFailed(shared, error),
    );
    this.#shared = shared;
    for (const cursor of cursors) cursor.collect();
  }

  async #endShared(): Promise<void> {
    const shared = this.#shared;
    this.#shared = undefined;
    for (const cursor of shared ? this.#cursors.of('all') : []) cursor.detach();
    await shared?.close();
  }

  /** Who follows it fails, and opens again. Who catches up does not need it. */
  #sharedFailed(shared: SharedConsumer, error: Error): void {
    if (this.#shared !== shared) return;
    this.#noteFailure(error);
    this.#shared = undefined;
    for (const cursor of [...this.#cursors.of('all')]) {
      if (cursor.isFollowing) cursor.fail(error);
      else cursor.detach();
    }
  }

  #noteFailure(error: Error): void {
    if (error instanceof SilentConsumer) this.#silences += 1;
  }

  #wakeLater(cursor: PartitionCursor): void {
    if (this.#wokenLater.size === 0) {
      setTimeout(() => {
        for (const each of this.#wokenLater) each.wakeReader();
        this.#wokenLater.clear();
      }, WAKE_LATER_MS);
    }
    this.#wokenLater.add(cursor);
  }

  #homeOfCursors(): CursorHome {
    const { stream, catchUpSubjects, stallCheckMs, disconnects, partitions, queueBytesMax, idleMaxMs } = this.#options;
    const [cursors, shared] = [this.#cursors, () => this.#shared];
    return {
      queueBytesMax,
      idleMaxMs,
      get isShared() {
        return shared() !== undefined;
      },
      get sharedBehind() {
        return Math.ceil((shared()?.pending ?? 0) / partitions);
      },
      openOwn: (partition: Partition, afterSeq: number, receiver: Receiver) =>
        new LogConsumer(
          this.#js,
          { stream, subjects: catchUpSubjects(partition), afterSeq, stallCheckMs, disconnects },
          {
            deliver: (entry) => receiver.deliver(entry),
            failed: (error) => {
              this.#noteFailure(error);
              receiver.failed(error);
            },
          },
        ),
      isUrgent: this.#options.isUrgent,
      wakeLater: (cursor) => this.#wakeLater(cursor),
      progressed: () => shared()?.progressed(),
      left: async (cursor) => {
        cursors.delete(cursor);
        shared()?.progressed();
        if (cursors.size === 0 || this.#options.modeFor(cursors.partitions, 'shared') === 'filtered')
          await this.#endShared();
      },
    };
  }
}
