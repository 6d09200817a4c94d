// The facts of the topology: spaces, doorways, DPUs with their placements, resets, and the settings
// every fold must share. Each is one document, written whole; the TOPOLOGY log keeps every version.
import type { DoorwayId, DpuId, SpaceId } from './ids.ts';

export interface Space {
  readonly id: SpaceId;
  readonly name: string;
  /** IANA zone: days, weeks and the daily reset follow it. */
  readonly timeZone: string;
  /** Local time of day `HH:MM` at which the space is empty every day, or null. */
  readonly dailyReset: string | null;
  readonly capacity: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** A threshold. +1 goes into the ingress space and out of the egress space; null is outside. */
export interface Doorway {
  readonly id: DoorwayId;
  readonly name: string;
  readonly ingressSpaceId: SpaceId | null;
  readonly egressSpaceId: SpaceId | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** From here on, until the next record, the DPU is above this doorway (null: above none). */
export interface PlacementRecord {
  readonly doorwayId: DoorwayId | null;
  readonly fromMs: number;
}

export interface Dpu {
  readonly id: DpuId;
  /** Ascending by fromMs, all different. */
  readonly placements: readonly PlacementRecord[];
  /** Its counters go on from 0 when they reach this; null or absent where they do not wrap. */
  readonly counterModulus?: number | null;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deleted: boolean;
}

/** More people than any space holds; a count stays exact however many pass after that. */
export const PEOPLE_MAX = 1_000_000_000;

/** At `timestampMs` the space held `count` people. Of two at one instant the later recorded one wins. */
export interface Reset {
  readonly spaceId: SpaceId;
  readonly timestampMs: number;
  readonly count: number;
  readonly recordedMs: number;
}

/**
 * What the fold's outcome depends on beside its events. Kept in the log, since every process that
 * folds the same log must cut the same blocks.
 */
export interface Settings {
  /** How far out of order a DPU's readings may be before they count as late. */
  readonly outOfOrdernessMs: number;
  /** A DPU that is silent for longer no longer delays finality. */
  readonly idleTimeoutMs: number;
  /** A block is cut when it holds this many rows, */
  readonly blockRowsMax: number;
  /** or when its first row is this old, by the log's clock. */
  readonly blockAgeMaxMs: number;
  /** or its first late row: what that corrects is exact once it is stored. */
  readonly lateBlockAgeMaxMs: number;
  /** Bound of one space's reorder buffer. Reaching it makes the oldest events final early. */
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

/** A new epoch of the logs has begun, since one of them had gone back. */
export interface EpochBegun {
  readonly epoch: number;
  readonly begunMs: number;
  /** Ids up to these may have been given out by facts that are lost: they are not given out again. */
  readonly spaceIdsAbove: number;
  readonly doorwayIdsAbove: number;
}

export type TopologyFact =
  | { readonly kind: 'space'; readonly doc: Space }
  | { readonly kind: 'doorway'; readonly doc: Doorway }
  | { readonly kind: 'dpu'; readonly doc: Dpu }
  | { readonly kind: 'reset'; readonly doc: Reset }
  | { readonly kind: 'settings'; readonly doc: Settings }
  | { readonly kind: 'epoch'; readonly doc: EpochBegun };

/** A fact as the log holds it. */
export interface TopologyEntry {
  /** Sequence in the TOPOLOGY log. */
  readonly seq: number;
  readonly fact: TopologyFact;
}
