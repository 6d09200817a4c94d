// The actions of a run, as data.
import type { DpuId } from '../../src/domain/ids.ts';
import type { RejectReason } from '../../src/domain/reading.ts';
import type { Settings } from '../../src/domain/topology.ts';

/** A description of a format. Without one, nothing in payloads of that format can be read. */
export interface SimMapping {
  /** Another value means an entrance, too. */
  readonly isWide: boolean;
  /** False: everyone counts when the payload arrives. */
  readonly isTimed: boolean;
}

/** Spaces and doorways are referred to by number; one that does not exist is refused, as by the API. */
export type Action =
  /** `levels` are misspelled, if they are there. */
  | { readonly kind: 'publish'; readonly dpuId: DpuId; readonly text: string; readonly levels?: string }
  /** Over HTTP, to a process whose clock is ahead; or by a device that fakes such a message. */
  | {
      readonly kind: 'post';
      readonly dpuId: DpuId;
      readonly timestampMs: readonly number[];
      readonly aheadMs: number;
      readonly isMadeUp: boolean;
    }
  /** Somebody has all dead letters replayed, or those of a reason. */
  | {
      readonly kind: 'replay';
      readonly shiftMs: number;
      readonly dpuId: DpuId | null;
      readonly reason?: RejectReason;
    }
  | { readonly kind: 'heartbeat'; readonly dpuId: DpuId; readonly text: string }
  /** In a device's own format. */
  | { readonly kind: 'payload'; readonly dpuId: DpuId; readonly text: string; readonly isMapped?: true }
  /** The options with which the payloads of the device are read from now on. */
  | { readonly kind: 'device'; readonly dpuId: DpuId; readonly isReversed: boolean; readonly mapping?: SimMapping }
  | { readonly kind: 'forgetDevice'; readonly dpuId: DpuId }
  | { readonly kind: 'tick' }
  | { readonly kind: 'sleep'; readonly ms: number }
  | {
      readonly kind: 'space';
      readonly name: string;
      readonly timeZone: string;
      readonly dailyReset: string | null;
      readonly dailyResetCount?: number;
    }
  | {
      readonly kind: 'changeSpace';
      readonly space: number;
      readonly dailyReset: string | null;
      readonly dailyResetCount?: number;
    }
  | { readonly kind: 'deleteSpace'; readonly space: number }
  | { readonly kind: 'doorway'; readonly name: string; readonly ingress: number | null; readonly egress: number | null }
  | {
      readonly kind: 'changeDoorway';
      readonly doorway: number;
      readonly ingress: number | null;
      readonly egress: number | null;
    }
  | { readonly kind: 'deleteDoorway'; readonly doorway: number }
  | { readonly kind: 'dpu'; readonly dpuId: DpuId; readonly doorway: number | null; readonly effectiveMs?: number }
  | { readonly kind: 'move'; readonly dpuId: DpuId; readonly doorway: number | null; readonly effectiveMs?: number }
  | { readonly kind: 'modulus'; readonly dpuId: DpuId; readonly modulus: number | null }
  | { readonly kind: 'deleteDpu'; readonly dpuId: DpuId; readonly effectiveMs?: number }
  | { readonly kind: 'exclude'; readonly dpuId: DpuId; readonly fromMs: number; readonly toMs: number }
  /** An exclusion of the DPU is deleted. */
  | { readonly kind: 'include'; readonly dpuId: DpuId; readonly id: number }
  /** The nth reading that was sent so far, or one that may never be sent. */
  | { readonly kind: 'deleteReading'; readonly which: number | string }
  /** The nth reading that was deleted so far. */
  | { readonly kind: 'restoreReading'; readonly which: number | string }
  /** The entries of one document, instead of a command for each. */
  | { readonly kind: 'import'; readonly of: readonly RegisteringAction[] }
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'reset'; readonly space: number; readonly timestampMs: number; readonly count: number }
  | {
      readonly kind: 'changeReset';
      readonly space: number;
      readonly id: number;
      readonly timestampMs?: number;
      readonly count?: number;
    }
  | { readonly kind: 'deleteReset'; readonly space: number; readonly id: number }
  /** A question to a process whose clock is behind by this much. */
  | { readonly kind: 'ask'; readonly space: number; readonly atMs: number; readonly behindMs?: number }
  /** The log's clock is behind by this much from now on, as after a change of the stream's leader. */
  | { readonly kind: 'logClock'; readonly behindMs: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'crash'; readonly process: number }
  | { readonly kind: 'stop'; readonly process: number }
  | { readonly kind: 'suspend'; readonly process: number; readonly steps: number }
  | { readonly kind: 'history'; readonly isAway: boolean }
  /** All processes end, no checkpoint is usable, and an operator rebuilds the state. */
  | { readonly kind: 'rebuild' }
  /** NATS restarts without the newest entries of some streams: this share of the last 40. */
  | {
      readonly kind: 'lose';
      readonly logs: readonly LosableLog[];
      readonly share: number;
      readonly isPowerFailure: boolean;
    }
  /** NATS restarts, and no longer returns some of the last 40 messages of READINGS, in which bits were flipped. */
  | { readonly kind: 'flip'; readonly messages: number; readonly isPowerFailure: boolean }
  /** From now on NATS returns some of the last 40 messages of READINGS with other bytes, which had been routed. */
  | { readonly kind: 'alter'; readonly messages: number };

export type RegisteringAction = Extract<Action, { kind: 'space' | 'doorway' | 'dpu' | 'move' | 'exclude' }>;

export type DamagingAction = Extract<Action, { kind: 'lose' | 'flip' }>;

export type LosableLog = 'READINGS' | 'SPACE_EVENTS' | 'TOPOLOGY' | 'CHECKPOINTS';

export interface Scenario {
  readonly seed: number;
  readonly partitions: number;
  readonly startMs: number;
  readonly settings: Settings;
  readonly failureRate: number;
  readonly pageReadings: number;
  readonly commitItems: number;
  /** No topology change once the building is set up: then only late readings may change a final answer. */
  readonly isTopologyQuiet: boolean;
  /** Whether leases keep processes off each other's shards; otherwise every process runs every shard. */
  readonly leases: 'kept' | 'none';
  /** Commands without an answer are repeated until they get one. */
  readonly isPersonPatient: boolean;
  /** Logs may go back. */
  readonly hasLosses: boolean;
  readonly actions: readonly Action[];
}
