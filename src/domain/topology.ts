// The facts of the topology: spaces, doorways, DPUs with their placements, resets, and the settings that all folds
// share. Each fact is a complete document; the TOPOLOGY log keeps every version of it.
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';

export interface Space {
  readonly id: SpaceId;
  readonly name: string;
  /** IANA name. Intervals and the daily reset follow this zone. */
  readonly timeZone: string;
  /** Local time of day, `HH:MM`, of the daily reset; or null. */
  readonly dailyReset: string | null;
  /** How many people the space is assumed to hold then; absent for 0. */
  readonly dailyResetCount?: number;
  readonly capacity: number | null;
  /** The id in the operator's own systems; null or absent if there is none. No other space has it as its id or name. */
  readonly externalId?: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/**
 * A threshold between two spaces. Direction +1 leads into the ingress space and out of the egress space; null is
 * outside.
 */
export interface Doorway {
  readonly id: DoorwayId;
  readonly name: string;
  readonly ingressSpaceId: SpaceId | null;
  readonly egressSpaceId: SpaceId | null;
  /** Like that of a space, but unique among doorways. */
  readonly externalId?: string | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** From `fromMs` until the next record, the DPU is above this doorway (null: above none). */
export interface PlacementRecord {
  readonly doorwayId: DoorwayId | null;
  readonly fromMs: number;
}

export interface Dpu {
  readonly id: DpuId;
  /** Strictly ascending by `fromMs`. */
  readonly placements: readonly PlacementRecord[];
  /** Its counters wrap to 0 at this value; null or absent if they do not wrap. */
  readonly counterModulus?: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** The readings of a DPU during `[fromMs, toMs)` count in no space, such as those of the cleaning crew. */
export interface Exclusion {
  /** Unique for the DPU. */
  readonly id: number;
  readonly dpuId: DpuId;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  readonly recordedMs: number;
  readonly deleted: boolean;
}

/** A reading counts in no space and is no neighbour of other readings, as if it had never been sent. */
export interface Deletion {
  readonly dpuId: DpuId;
  /** The identity of the reading (`identityOf`). */
  readonly readingId: string;
  readonly reason: string;
  readonly recordedMs: number;
  /** True once the reading was restored. */
  readonly restored: boolean;
}

/** A salted hash (src/http/auth/device-secrets.ts): what the device sends is stored nowhere. */
export interface DeviceSecret {
  readonly salt: string;
  readonly hash: string;
}

/** How the payloads of a device, or of a gateway, are read from the moment this is stored. */
export interface Device {
  /** As named in subjects and URLs. */
  readonly id: DpuId;
  readonly adapter: string;
  /** As described by the adapter; null for its defaults. */
  readonly options: Readonly<Record<string, unknown>> | null;
  /** Authorises sending payloads of this device. */
  readonly secret?: DeviceSecret;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/**
 * Upper bound for capacities and reset counts: more than any space holds, and far below where integers lose
 * precision.
 */
export const PEOPLE_MAX = 1_000_000_000;

/** At `timestampMs` the space held `count` people. Of two resets at the same instant, the one recorded or changed later wins. */
export interface Reset {
  /** Unique for the space. */
  readonly id: number;
  readonly spaceId: SpaceId;
  readonly timestampMs: number;
  readonly count: number;
  readonly recordedMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** A reset as earlier versions stored it. Its id is its place among the resets of its space, from 1. */
export type ResetWithoutId = Omit<Reset, 'id' | 'updatedMs' | 'deleted'>;

/**
 * Parameters of the fold. They are facts in the log, not configuration of a process, because all processes that fold
 * the same log must cut the same blocks.
 */
export interface Settings {
  /** How far out of order a DPU's readings may arrive before they count as late. */
  readonly outOfOrdernessMs: number;
  /** A DPU that has been silent for longer no longer holds back the watermark. */
  readonly idleTimeoutMs: number;
  /** A block is cut once it has this many rows. */
  readonly blockRowsMax: number;
  /** A block is cut once its first row is this old, by the log's clock. */
  readonly blockAgeMaxMs: number;
  /**
   * A block is cut once its first late row is this old, because the count that the row corrects is exact only when
   * the block is stored.
   */
  readonly lateBlockAgeMaxMs: number;
  /**
   * The same while late rows keep coming, if it is longer: each block may become twice as old as the one before, up to
   * this age. Absent in settings of earlier versions.
   */
  readonly repeatedLateBlockAgeMaxMs?: number;
  /** Limit of a space's reorder buffer. When it is reached, the oldest events become final early. */
  readonly bufferEventsMax: number;
}

export const DEFAULT_SETTINGS: Settings = {
  outOfOrdernessMs: 5_000,
  idleTimeoutMs: 60_000,
  blockRowsMax: 20_000,
  blockAgeMaxMs: 30_000,
  lateBlockAgeMaxMs: 3_000,
  bufferEventsMax: 50_000,
};

/**
 * As processes fold that do not know `repeatedLateBlockAgeMaxMs`: they pass it on and ignore it, and all others have to cut
 * the same blocks.
 */
export function withoutRepeatedLateBlockAge(settings: Settings): Settings {
  return { ...settings, repeatedLateBlockAgeMaxMs: settings.lateBlockAgeMaxMs };
}

/** A new epoch of the logs has begun, because one of them had lost entries. */
export interface EpochBegun {
  readonly epoch: number;
  readonly begunMs: number;
  /** Ids up to these may have been assigned by facts that were lost. They are not assigned again. */
  readonly spaceIdsAbove: number;
  readonly doorwayIdsAbove: number;
}

/** Applies to payloads that are stored after the fact, by the log's clock. */
export interface DeviceFact {
  readonly kind: 'device';
  readonly doc: Device;
  /**
   * Routers may have read payloads up to this time before the fact was stored, so it does not apply to them, even if
   * TOPOLOGY's clock was behind. Facts of earlier versions lack it.
   */
  readonly afterMs?: number;
}

/** From when a fact applies to the payloads of its device, by the log's clock. */
export function appliesAfterMs({ afterMs = 0 }: DeviceFact, storedMs: number): number {
  return Math.max(storedMs, afterMs);
}

/** A fact about a single thing. */
export type SingleFact =
  | { readonly kind: 'space'; readonly doc: Space }
  | { readonly kind: 'doorway'; readonly doc: Doorway }
  | { readonly kind: 'dpu'; readonly doc: Dpu }
  | { readonly kind: 'exclusion'; readonly doc: Exclusion }
  | { readonly kind: 'deletion'; readonly doc: Deletion }
  | DeviceFact
  | { readonly kind: 'reset'; readonly doc: Reset | ResetWithoutId }
  | { readonly kind: 'settings'; readonly doc: Settings }
  | { readonly kind: 'epoch'; readonly doc: EpochBegun };

/**
 * Who made a change: the name of a token (`token:<name>`, or `jwt:<subject>`), a request that needed no token because the
 * service listens on loopback only, the command line without the API, the demo, or the service itself.
 */
export type Author = `token:${string}` | `jwt:${string}` | 'loopback' | 'cli' | 'demo' | 'service';

/**
 * Part of what is stored, so that the copy in ClickHouse and the digest of the log include it. Entries of earlier versions
 * lack it. It is never read to count anything.
 */
interface Signature {
  readonly by?: Author;
  /** When the change was made. `storedMs` says when the log stored the entry, which a repair may have done again, later. */
  readonly atMs?: number;
}

interface BatchFact {
  readonly kind: 'batch';
  readonly doc: readonly SingleFact[];
}

/** One entry of the log. A batch holds facts that were decided together, in their order: all of them are stored, or none. */
export type TopologyFact = (SingleFact | BatchFact) & Signature;

export function factsOf(fact: TopologyFact): readonly SingleFact[] {
  return fact.kind === 'batch' ? fact.doc : [fact];
}

/** A fact as stored in the log. */
export interface TopologyEntry {
  /** Sequence in the TOPOLOGY log. */
  readonly seq: number;
  readonly fact: TopologyFact;
  /** When the log stored it, by the log's clock. */
  readonly storedMs?: number;
}
