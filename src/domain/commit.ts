// A commit: everything that a router asserts at one moment, for all partitions, with its new committed offset. It is
// one message of SPACE_EVENTS, so it is stored completely or not at all.
import type { DpuId, Partition, SpaceId } from './ids.ts';
import { BEGINNING_MS } from './instant.ts';
import type { LoggedEvent } from './log-entry.ts';
import type { ResetPoint } from './reset-schedule.ts';
import type { MessageMark } from './log-mark.ts';
import type { SpaceDpu, SpaceEvent } from './space-event.ts';
import type { Settings } from './topology.ts';

/** The configuration of a space that its actor uses. */
export interface SpaceConfig {
  readonly spaceId: SpaceId;
  readonly timeZone: string;
  readonly dailyReset: string | null;
  readonly dailyResetCount: number;
  readonly dpus: readonly SpaceDpu[];
  /** All manual resets, in the order in which they were recorded or last changed. */
  readonly resets: readonly ResetPoint[];
}

/** A DPU of the space was alive at this event time, although nobody passed. */
export interface Heartbeat {
  readonly spaceId: SpaceId;
  readonly dpuId: DpuId;
  readonly timestampMs: number;
}

/** The part of a commit for one space partition. */
export interface PartitionSection {
  readonly events: readonly SpaceEvent[];
  readonly heartbeats: readonly Heartbeat[];
  readonly configs: readonly SpaceConfig[];
  readonly settings: Settings | undefined;
}

/** The account of one router since the log began. received = fresh + duplicate + dead. */
export interface RouterCounters {
  /** Items taken from READINGS, valid or not. */
  readonly received: number;
  /** New readings; `held`, `excluded` and `deleted` of them currently count in no space. */
  readonly fresh: number;
  readonly held: number;
  /** 0 in commits of versions that know no exclusions. */
  readonly excluded: number;
  /** 0 in commits of versions that know no deletions. */
  readonly deleted: number;
  readonly duplicate: number;
  readonly dead: number;
}

/** A place in the (DPU, timestamp, reading id) order of readings. */
export interface ReadingPlace {
  readonly dpuId: DpuId;
  readonly timestampMs: number;
  readonly readingId: string;
}

/** The progress of a retroactive change that takes more than one commit. */
export interface Reattribution {
  /** The topology that results from the change. */
  readonly toSeq: number;
  /** Everything up to this place, in (DPU, timestamp, reading id) order, is done. */
  readonly after: ReadingPlace;
}

/** Entries of a router's partition of READINGS that are not consumed although `readingsSeq` is beyond them. */
export interface WaitingRange {
  /** The only subject of which entries wait; null for all. Commits before version 7 have a range for each subject. */
  readonly subject: string | null;
  /** The first message that is not completely consumed. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The first item of the first message that is not consumed. */
  readonly index: number;
}

export interface CommitHeader {
  readonly router: Partition;
  /** The epoch of the logs in which it was made (`LogEpoch`). */
  readonly epoch: number;
  /** Identifies the attempt that wrote it, so that a commit with unknown outcome can be settled. */
  readonly commitId: string;
  /** Sequence of the router's commit before this one; 0 for the first. */
  readonly previousSeq: number;
  /** READINGS is consumed up to here, inclusive, except for what waits. */
  readonly readingsSeq: number;
  /** The mark of the message at `readingsSeq`; null before the first message, and in commits of earlier versions. */
  readonly readingsMark: MessageMark | null;
  readonly waiting: readonly WaitingRange[];
  /** This commit consumed the entries after this sequence. */
  readonly previousReadingsSeq: number;
  /** True for a commit that re-attributes readings after a change of the topology, and consumes none. */
  readonly isMove: boolean;
  readonly topologySeq: number;
  /** Digest of the TOPOLOGY log up to `topologySeq`; null in commits of earlier versions. */
  readonly topologyDigest: number | null;
  readonly reattribution: Reattribution | null;
  /** Everything stored in READINGS up to this arrival time has been routed. */
  readonly clockMs: number;
  readonly counters: RouterCounters;
}

const NO_READINGS: RouterCounters = {
  received: 0,
  fresh: 0,
  held: 0,
  excluded: 0,
  deleted: 0,
  duplicate: 0,
  dead: 0,
};

/** The header that a router starts from before its first commit. */
export function headerBeforeRouting(router: Partition, epoch: number): CommitHeader {
  return {
    router,
    epoch,
    commitId: '',
    previousSeq: 0,
    readingsSeq: 0,
    readingsMark: null,
    previousReadingsSeq: 0,
    waiting: [],
    isMove: false,
    topologySeq: 0,
    topologyDigest: 0,
    reattribution: null,
    clockMs: BEGINNING_MS,
    counters: NO_READINGS,
  };
}

/** By partition; partitions without content are left out. */
export type Sections = ReadonlyMap<Partition, PartitionSection>;

export interface LoggedSection extends PartitionSection {
  readonly events: readonly LoggedEvent[];
}

/** A commit as read from the log. */
export interface LoggedCommit {
  readonly header: CommitHeader;
  /** Partitions to which it asserts something. */
  readonly partitions: Iterable<Partition>;
  /** True if it asserts something to a partition. */
  concerns(partition: Partition): boolean;
  /** Decodes the columns of one partition; undefined if the commit asserts nothing to it. */
  section(partition: Partition): LoggedSection | undefined;
}

/** READINGS is completely consumed up to this sequence. */
export function consumedThrough({ readingsSeq, waiting }: Pick<CommitHeader, 'readingsSeq' | 'waiting'>): number {
  return waiting.reduce((least, { fromSeq }) => Math.min(least, fromSeq - 1), readingsSeq);
}
