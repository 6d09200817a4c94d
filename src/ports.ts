// What the service needs from outside. Each port has two implementations, the real engine's
// (src/nats, src/clickhouse) and the simulated one (test/simulation); one conformance suite holds both.
import type { Block } from '../actors/shard/block.ts';
import type { StoredNewest } from '../actors/shard/fold-from-history.ts';
import type { StoredClaim } from '../actors/shard/log-tail.ts';
import type { KnownReport } from '../actors/shard/space-report.ts';
import type { Problem } from './domain/health.ts';
import type { DpuId, Partition, SpaceId } from './domain/ids.ts';
import type { CommitHeader, ReadingPlace, Sections } from './domain/commit.ts';
import type { CommitMark } from './domain/log-mark.ts';
import type { StoredEntry } from './domain/log-entry.ts';
import type { Direction, Reading, RejectReason } from './domain/reading.ts';
import type { Segment } from './domain/segment.ts';
import type { TopologyEntry, TopologyFact } from './domain/topology.ts';
import type { FeedAnswer, FeedBatch, FeedQuestion } from '../actors/shard/feed-message.ts';

/** Reads a log in order from a place, waiting for what is not there yet. */
export interface LogCursor {
  /** The next entries, at least one; none when it was woken or closed. @throws when the log cannot be read */
  next(entriesMax: number): Promise<StoredEntry[]>;
  /** Entries that are known to be in the log and were not handed out: as many as there were when the log was last heard. */
  readonly behind: number;
  /** Ends a wait of `next`. */
  wake(): void;
  close(): Promise<void>;
}

/** The sequences that a log has; what is between them may have been removed. An empty log ends before it begins. */
export interface LogBounds {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** The READINGS log: what DPUs sent, as they sent it. */
export interface ReadingsLog {
  open(partition: Partition, afterSeq: number): Promise<LogCursor>;
  /** Stores what a DPU's reading subject would; resolves when it is durable. @throws Failure unavailable when the log is full, and what else keeps it from being stored */
  append(dpuId: DpuId, data: Uint8Array, mark?: string): Promise<void>;
  /** Stores a mark of time in a partition, so that time goes on when nobody passes. */
  tick(partition: Partition): Promise<void>;
  bounds(): Promise<LogBounds>;
  /** What stands at a sequence; undefined when it was removed, or never was. */
  at(seq: number): Promise<StoredEntry | undefined>;
  /** Sequence of the last entry that was stored before an instant; 0 when there is none. */
  lastBefore(ms: number): Promise<number>;
  /** When the newest entry of a partition was stored; BEGINNING_MS when there is none. Read from the log's leader. */
  newestMs(partition: Partition): Promise<number>;
  /** Removes what stands before a sequence and was stored before an instant. */
  purge(beforeSeq: number, beforeMs: number): Promise<void>;
  occupied(): Promise<Occupied>;
  /** Sequence of the first entry of a partition at or after one; undefined when there is none. */
  firstFrom(partition: Partition, seq: number): Promise<number | undefined>;
  /** Takes readings again, or no more of them: only marks of time, which have room of their own then. */
  admit(takesReadings: boolean): Promise<void>;
}

export interface Occupied {
  /** How full the log is; at 1 it refuses what comes. 0 where it has no bound. */
  readonly part: number;
  readonly takesReadings: boolean;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** Where a stored block was cut. */
export interface StoredBlockMark {
  readonly number: number;
  readonly epoch: number;
  readonly mark: CommitMark;
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly seq: number }
  /** Another process has committed for the router meanwhile: this router is no longer the one. */
  | { readonly kind: 'superseded' };

export interface LastCommit {
  /** Sequence in the SPACE_EVENTS log, 0 when there is none. */
  readonly seq: number;
  readonly header: CommitHeader | undefined;
}

/** The SPACE_EVENTS log: the commits of all routers, each one message. */
export interface SpaceEventsLog {
  /** Every commit; `partition` is whose reader it is. */
  open(partition: Partition, afterSeq: number): Promise<LogCursor>;
  lastCommit(router: Partition): Promise<LastCommit>;
  /** The router's first commit stored at or after a sequence. */
  firstCommitFrom(router: Partition, seq: number): Promise<CommitHeader | undefined>;
  /**
   * Stores a commit, if the router's last one is still at `expectedSeq`. Settles an unknown outcome itself.
   * @throws when the log cannot be reached
   */
  commit(header: CommitHeader, sections: Sections, expectedSeq: number): Promise<CommitOutcome>;
  /** The first commit of a router in an epoch that is not yet this log's. Settles an unknown outcome itself. */
  begin(header: CommitHeader): Promise<number>;
  /** Sequence of the last commit in the log, whichever router's; 0 when there is none. Read from the log's leader. */
  end(): Promise<number>;
  bounds(): Promise<LogBounds>;
  /** The id of the commit at a sequence; undefined when it was truncated, or never was. */
  commitIdAt(seq: number): Promise<string | undefined>;
  /** Removes what epochs before this one have left before a sequence. */
  removeOlderEpochs(beforeSeq: number): Promise<void>;
  /** Removes a router's commits before a sequence. */
  truncate(router: Partition, beforeSeq: number): Promise<void>;
}

/** The TOPOLOGY log. */
export interface TopologyLog {
  open(afterSeq: number): Promise<TopologyCursor>;
  /** Stores a fact if the log still ends at `expectedSeq`. @returns its sequence, or undefined on conflict */
  append(fact: TopologyFact, expectedSeq: number): Promise<number | undefined>;
  /** What stands at a sequence; undefined when nothing does. @throws when it cannot be reached */
  at(seq: number): Promise<TopologyFact | undefined>;
  /** Where the log ends now; 0 when it is empty. @throws when it cannot be reached */
  lastSeq(): Promise<number>;
}

export interface TopologyCursor {
  /** The next entries; none when closed. */
  next(): Promise<TopologyEntry[]>;
  close(): Promise<void>;
}

/** The items of one message that cannot be used for one reason. */
export interface DeadLetter {
  readonly reason: RejectReason;
  /** Of the first of them. */
  readonly detail: string;
  /** The subject and the sequence in READINGS they came with, and the place of the first in the message. */
  readonly subject: string;
  readonly readingsSeq: number;
  readonly index: number;
  /** How many there are. */
  readonly items: number;
  /** The item as it was received, or several as an array. */
  readonly raw: Uint8Array;
  /** There was more than `raw` has room for. */
  readonly isCut: boolean;
}

export type ItemsByReason = Partial<Record<RejectReason, number>>;

/** Keeps what could not be used, and of that only so much. Storing a letter again changes nothing while it is kept. */
export interface DeadLetters {
  store(letters: readonly DeadLetter[]): Promise<void>;
  /** How many items the letters stand for that are kept, and those that were evicted. */
  count(): Promise<{ readonly kept: ItemsByReason; readonly evicted: ItemsByReason }>;
  /** Removes letters that are older, and the oldest beyond the bound in bytes. What they stood for stays counted. */
  evict(ageMaxMs: number): Promise<void>;
}

export interface StoredCheckpoint {
  /** Of the checkpoint, for the compare-and-set of the next one. */
  readonly revision: number;
  /** Everything in SPACE_EVENTS before this is in ClickHouse. */
  readonly storedBeforeSeq: number;
  /** Of the logs that the state follows, */
  readonly epoch: number;
  /** the last commit in it, */
  readonly mark: CommitMark;
  /** and, by router, the sequence of its last commit. */
  readonly commitSeqs: readonly number[];
  /** In lines; to be read once. */
  readonly snapshot: Iterable<string>;
}

/** Checkpoints of partitions. */
export interface Checkpoints {
  /** @throws CheckpointRefused when what is stored is no whole checkpoint */
  load(partition: Partition): Promise<StoredCheckpoint | undefined>;
  /** Of the last one, usable or not, all but its snapshot; a revision of 0 when there is none, and stored before 0 where that cannot be read. */
  last(partition: Partition): Promise<Omit<StoredCheckpoint, 'snapshot'>>;
  /** @returns the new revision, or undefined when somebody else saved since `expectedRevision` */
  save(
    partition: Partition,
    checkpoint: Omit<StoredCheckpoint, 'revision'>,
    expectedRevision: number,
  ): Promise<number | undefined>;
}

export interface DpuReadingsQuery {
  readonly dpuIds: readonly DpuId[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly after: ReadingPlace;
  /** How many to look at. */
  readonly limit: number;
}

export interface DpuReadingsPage {
  readonly readings: readonly Reading[];
  /** How far it was looked; null when there is nothing further. */
  readonly end: ReadingPlace | null;
}

export interface HistoryEvent {
  readonly timestampMs: number;
  readonly readingId: string;
  readonly delta: Direction;
  readonly sign: number;
}

export interface OccupancyRequest {
  readonly spaceId: SpaceId;
  readonly block: number;
  readonly afterMs: number;
}

/** What ClickHouse keeps. */
export interface History {
  /** Stores a block. Doing it again changes nothing. @throws when it may not be stored */
  storeBlock(block: Block): Promise<void>;
  /** Number of the partition's last block that has rows stored; 0 when there is none. */
  lastBlock(partition: Partition): Promise<number>;
  /** Where that block was cut; undefined when there is none. */
  lastBlockMark(partition: Partition): Promise<StoredBlockMark | undefined>;
  /** For each DPU that has readings: the event time of its newest one. */
  newestReadings(dpuIds: readonly DpuId[]): Promise<Map<DpuId, number>>;
  /**
   * Those of the readings that are stored, each as it is stored (`hasPreviousId`). Stored means that any row
   * is: while a re-attribution is on its way, a reading may be retracted in one shard and not yet be
   * asserted again in the other.
   */
  findReadings(readings: readonly Reading[]): Promise<Reading[]>;
  /**
   * Stored readings of some DPUs with fromMs <= timestamp < toMs, in the order of places. Of several with one
   * reading id of the previous form only the earliest (then the exit) is among them: the others were retracted
   * for its sake when they were routed.
   */
  readingsOfDpus(query: DpuReadingsQuery): Promise<DpuReadingsPage>;
  /** Per space: the run of its stored events with timestamp > afterMs, in blocks up to `block`. */
  occupancySegments(partition: Partition, requests: readonly OccupancyRequest[]): Promise<Map<SpaceId, Segment>>;
  /**
   * The runs between successive edges, `(edges[i], edges[i + 1]]`, of a space's stored events in
   * blocks up to `block`; one segment for each gap.
   */
  segments(spaceId: SpaceId, edgesMs: readonly number[], block: number): Promise<Segment[]>;
  /** A space's stored events with afterMs < timestamp <= upToMs, in blocks up to `block`, in event order, retractions applied. */
  events(spaceId: SpaceId, afterMs: number, upToMs: number, block: number): Promise<HistoryEvent[]>;
  /** Per partition that has rows: what is stored of it. Cheap. */
  storedTotals(): Promise<Map<Partition, StoredTotals>>;
  /** Readings that a partition's blocks up to one assert, less those they retract. Reads all of its rows. */
  readingsUpTo(partition: Partition, block: number): Promise<number>;
  ping(): Promise<boolean>;
}

export interface StoredTotals {
  /** Readings asserted, less those retracted. */
  readonly readings: number;
  /** Number of the last block that has rows. */
  readonly lastBlock: number;
}

/** What ClickHouse keeps of one partition, for computing its state again. */
export interface PartitionRecords {
  /** A block that may be stored in part: brings every table to what the table of events has of it. */
  completeBlock(partition: Partition, number: number): Promise<void>;
  newest(partition: Partition): Promise<StoredNewest[]>;
  /** The rows of some readings, each in one space. */
  claims(partition: Partition, places: readonly (EventPlace & { readonly spaceId: SpaceId })[]): Promise<StoredClaim[]>;
}

/**
 * Carries what changes in a partition from its owner to processes with subscribers. Nothing is kept,
 * and anything may be lost: the numbers in the messages show it.
 */
export interface ChangeChannel {
  publish(partition: Partition, batch: FeedBatch): void;
  /** @returns what ends it */
  subscribe(partition: Partition, onBatch: (batch: FeedBatch) => void): () => void;
  /** Answers questions; `answer` gives undefined where somebody else may. @returns what ends it */
  serve(partition: Partition, answer: (question: FeedQuestion) => FeedAnswer | undefined): () => void;
  /** @throws Failure unavailable when nobody answers in time */
  ask(partition: Partition, question: FeedQuestion): Promise<FeedAnswer>;
}

/** A place in event order. */
export interface EventPlace {
  readonly timestampMs: number;
  readonly readingId: string;
}

/** A process that takes part, as others see it. */
export interface Member {
  /** Of this life of the process: a restart is another member. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** False for one that only answers questions, and owns nothing. */
  readonly takesShards: boolean;
  /** False while it keeps no copy of other members' shards. */
  readonly standsBy: boolean;
  /** What it saw of itself when it last looked; none of a process of an earlier version. */
  readonly problems?: readonly Problem[];
}

export type LeaseChange =
  | { readonly kind: 'member'; readonly id: string; readonly member: Member | undefined }
  | { readonly kind: 'shard'; readonly shard: Partition; readonly holder: string | undefined };

/**
 * Who runs which shard. A lease only avoids double work: what a process does that wrongly believes it
 * holds one is refused elsewhere. It is decided by the result of a compare-and-set, never by a read.
 */
export interface Leases {
  /** How long a lease or a membership lasts that is not renewed. */
  readonly ttlMs: number;
  /** Takes a lease that nobody holds. @returns its revision; undefined when somebody holds it */
  take(shard: Partition, holder: string): Promise<number | undefined>;
  /** Makes a lease last for another ttl. @returns its new revision; undefined when it is somebody else's */
  renew(shard: Partition, holder: string, revision: number): Promise<number | undefined>;
  /** Gives a lease up; nothing happens when it is somebody else's. */
  release(shard: Partition, revision: number): Promise<void>;
  /** Says that a member lives, for another ttl. */
  announce(member: Member): Promise<void>;
  withdraw(member: Member): Promise<void>;
  /** Reports everything there is, oldest first, and then every change, until the signal aborts. @throws when it breaks off */
  watch(report: (change: LeaseChange) => void, signal: AbortSignal): Promise<void>;
}

/** The owner of a shard, or one that keeps a copy of it. */
export type Respondent = 'owner' | 'standby';

/** @returns undefined to stay silent */
export type ReportAnswer = (spaceId: SpaceId, atMs: number) => Promise<KnownReport | undefined>;

/** Questions about spaces, from any process to the one that can answer. */
export interface ReportRequests {
  ask(
    shard: Partition,
    respondent: Respondent,
    spaceId: SpaceId,
    atMs: number,
    timeoutMs: number,
  ): Promise<KnownReport | 'nobody' | 'silence'>;
  /** Answers questions about a shard. @returns how to end that */
  answer(shard: Partition, respondent: Respondent, answer: ReportAnswer): () => void;
}

/** Whoever owns a space's partition, in whichever process. */
export interface SpaceReports {
  /** True while the log cannot be reached: nobody can know more than what is known here. */
  readonly isCutOff: boolean;
  /**
   * @param allowsStale what was last known here is better than nothing
   * @throws Failure unavailable while nobody can say
   */
  report(spaceId: SpaceId, atMs: number, allowsStale?: boolean): Promise<KnownReport>;
}

/** What a device published in one message, as it is in READINGS. */
export interface StoredMessage {
  readonly dpuId: DpuId;
  readonly data: Uint8Array;
}

/** READINGS, message by message, for whoever has to know whether one is there. */
export interface StoredMessages extends Pick<ReadingsLog, 'append'> {
  /** Messages that devices published, by when READINGS stored them. */
  storedBetween(fromMs: number, toMs: number): AsyncIterable<StoredMessage>;
}

/** A message of a device that was told it is stored. */
export interface AcknowledgedMessage extends StoredMessage {
  /** When it was stored, which is before it was acknowledged. */
  readonly storedMs: number;
  /** It need not be kept any longer. */
  release(): void;
}

/** Messages of devices that were told they are stored, kept until they are released. No simulated implementation: to a router, what comes again is a duplicate. */
export interface AcknowledgedMessages {
  /** Those that came since, those first that were stored first; none after some seconds, or when the signal aborts. One that is not released comes again. */
  next(signal: AbortSignal): Promise<AcknowledgedMessage[]>;
}
