// Reads a stream for all partitions of a process. One shared consumer delivers all entries, which are dispatched to
// the partitions in memory; a partition that lags behind it temporarily has its own consumer. If a process reads only
// a few of the stream's partitions, each permanently has its own consumer (read-mode.ts).
//
// Invariants:
// 1. A cursor gets the entries of its partition after the sequence at which it was opened, in order, each once and
//   none missing.
// 2. All cursors that follow the shared consumer get the same object for an entry, so that decoded content can be
//   cached with it.
// 3. A cursor that nobody reads delays the others only for a limited time.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Partition } from '../domain/ids.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import type { LogCursor } from '../ports/log.ts';
import { LogConsumer, SilentConsumer, STALL_CHECK_MS, type Receiver } from './log-consumer.ts';
import { OpenCursors } from './open-cursors.ts';
import { PartitionCursor, type CursorHost } from './partition-cursor.ts';
import type { ReadMode } from './read-mode.ts';
import { SharedConsumer } from './shared-consumer.ts';
import { boundsOf } from './stored-messages.ts';
import { StreamEnd } from './stream-end.ts';

const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
const IDLE_MAX_MS = 10_000;
const HELD_UP_MAX_MS = 5_000;
const WAKE_LATER_MS = 10;

export interface StreamReaderOptions {
  readonly stream: string;
  /** The partition that an entry with this subject belongs to; 'all' if every partition reads it. */
  readonly partitionOf: (subject: string) => Partition | 'all';
  /** The subjects that a partition's own consumer reads; an empty list selects all. */
  readonly catchUpSubjects: (partition: Partition) => readonly string[];
  /** The mode for a number of open partitions, given the current mode. By default always shared. */
  readonly modeFor?: (openPartitions: number, now: ReadMode) => ReadMode;
  /**
   * False for entries without content for a partition: a waiting reader is woken for them some ms later, for several
   * at once. By default all are urgent.
   */
  readonly isUrgent?: (entry: StoredEntry, partition: Partition) => boolean;
  /**
   * The number of partitions among which entries are distributed, for `behind`; 1 if every partition reads every
   * entry.
   */
  readonly partitions?: number;
  /** Limit of each cursor's queue. A cursor that joins the shared consumer may hold twice as much. */
  readonly queueBytesMax?: number;
  /** A cursor that stays full for this long loses its consumer until it is read again. */
  readonly idleMaxMs?: number;
  /** How long a cursor may hold up others that were opened together with it. Then it reads by itself. */
  readonly heldUpMaxMs?: number;
  /** The interval between checks for silent consumers. */
  readonly stallCheckMs?: number;
  /** How often the connection was lost. */
  readonly disconnects?: () => number;
  /** The end of the stream, if others ask for it too. */
  readonly end?: StreamEnd;
}

export interface Silence {
  readonly stream: string;
  /** Consumers that are overdue with an entry now. */
  readonly silent: number;
  /** Total number of consumers that have failed because they were silent. */
  readonly failed: number;
}

export class StreamReader {
  readonly #js: JetStreamClient;
  readonly #options: Required<StreamReaderOptions>;
  readonly #cursors = new OpenCursors();
  readonly #host: CursorHost;
  #shared: SharedConsumer | undefined;
  #silences = 0;
  /** Cursors to be woken when the timer fires. */
  readonly #wokenLater = new Set<PartitionCursor>();

  constructor(js: JetStreamClient, options: StreamReaderOptions) {
    this.#js = js;
    this.#options = {
      modeFor: () => 'shared',
      isUrgent: () => true,
      partitions: 1,
      queueBytesMax: QUEUE_BYTES_MAX,
      idleMaxMs: IDLE_MAX_MS,
      heldUpMaxMs: HELD_UP_MAX_MS,
      stallCheckMs: STALL_CHECK_MS,
      disconnects: () => 0,
      end: new StreamEnd(async () => boundsOf(await js.jetstreamManager(false), options.stream)),
      ...options,
    };
    this.#host = this.#createHost();
  }

  get silence(): Silence {
    const silent =
      [...this.#cursors.of('all')].filter(({ isSilent }) => isSilent).length + (this.#shared?.isSilent ? 1 : 0);
    return { stream: this.#options.stream, silent, failed: this.#silences };
  }

  /**
   * Opens a cursor. Any number may be open at the same time, even for the same partition.
   * @param othersAfterSeq where the earliest of the cursors that are opened in the same turn begins
   * @throws if the stream cannot be read
   */
  async open(partition: Partition, afterSeq: number, othersAfterSeq = afterSeq): Promise<LogCursor> {
    const cursor = new PartitionCursor(this.#host, partition, afterSeq);
    const before = [...this.#cursors.of('all')];
    this.#cursors.add(cursor);
    if (!this.#shared && this.#options.modeFor(this.#cursors.partitions, 'filtered') === 'shared')
      this.#startShared(before, othersAfterSeq);
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

  #startShared(before: readonly PartitionCursor[], newAfterSeq: number): void {
    const { stream, partitionOf, idleMaxMs, heldUpMaxMs, stallCheckMs, disconnects, end } = this.#options;
    // Starts at the most advanced cursor, which would otherwise wait while the others catch up.
    const afterSeq = Math.max(newAfterSeq, ...before.map(({ lastSeq }) => lastSeq));
    const from = { stream, subjects: [], afterSeq, stallCheckMs, disconnects, end };
    const place = { ...from, partitionOf, idleMaxMs, heldUpMaxMs };
    const shared: SharedConsumer = new SharedConsumer(this.#js, place, this.#cursors, (error) =>
      this.#sharedFailed(shared, error),
    );
    this.#shared = shared;
    for (const cursor of before) cursor.collect();
  }

  async #endShared(): Promise<void> {
    const shared = this.#shared;
    this.#shared = undefined;
    for (const cursor of shared ? this.#cursors.of('all') : []) cursor.detach();
    await shared?.close();
  }

  /**
   * Cursors that follow the shared consumer fail, and are opened again by their readers. Cursors that catch up do not
   * need it.
   */
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

  #createHost(): CursorHost {
    const { stream, catchUpSubjects, stallCheckMs, disconnects, end, partitions, queueBytesMax, idleMaxMs } =
      this.#options;
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
          { stream, subjects: catchUpSubjects(partition), afterSeq, stallCheckMs, disconnects, end },
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
      onClosed: async (cursor) => {
        cursors.delete(cursor);
        shared()?.progressed();
        if (cursors.size === 0 || this.#options.modeFor(cursors.partitions, 'shared') === 'filtered')
          await this.#endShared();
      },
    };
  }
}
