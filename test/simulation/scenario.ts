// What happens in a run, as data.
import type { DpuId } from '../../src/domain/ids.ts';
import type { Settings } from '../../src/domain/topology.ts';

/** References are to the n-th space or doorway; what does not exist then is refused, as for anybody. */
export type Action =
  | { readonly kind: 'publish'; readonly dpuId: DpuId; readonly text: string }
  /** Over HTTP, to a process whose clock is ahead; or by a device that makes such a message up. */
  | {
      readonly kind: 'post';
      readonly dpuId: DpuId;
      readonly timestampMs: readonly number[];
      readonly aheadMs: number;
      readonly isMadeUp: boolean;
    }
  | { readonly kind: 'heartbeat'; readonly dpuId: DpuId; readonly text: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'space'; readonly name: string; readonly timeZone: string; readonly dailyReset: string | null }
  | { readonly kind: 'changeSpace'; readonly space: number; readonly dailyReset: string | null }
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
  /** What one document says, in place of a command for each. */
  | { readonly kind: 'import'; readonly of: readonly RegisteringAction[] }
  | { readonly kind: 'settings'; readonly settings: Settings }
  | { readonly kind: 'reset'; readonly space: number; readonly timestampMs: number; readonly count: number }
  /** Of a process whose clock is behind by so much. */
  | { readonly kind: 'ask'; readonly space: number; readonly atMs: number; readonly behindMs?: number }
  /** The log's clock is behind by so much from now on, as after a change of the stream's leader. */
  | { readonly kind: 'logClock'; readonly behindMs: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'crash'; readonly process: number }
  | { readonly kind: 'stop'; readonly process: number }
  | { readonly kind: 'suspend'; readonly process: number; readonly steps: number }
  | { readonly kind: 'history'; readonly isAway: boolean }
  /** Every process ends, no checkpoint can be used, and somebody has the state computed again. */
  | { readonly kind: 'rebuild' }
  /** NATS stops, and comes back without the last entries of some streams: of the last 40, this share. */
  | {
      readonly kind: 'lose';
      readonly logs: readonly LosableLog[];
      readonly share: number;
      readonly isPowerFailure: boolean;
    };

export type RegisteringAction = Extract<Action, { kind: 'space' | 'doorway' | 'dpu' | 'move' }>;

export type LosableLog = 'READINGS' | 'SPACE_EVENTS' | 'TOPOLOGY' | 'CHECKPOINTS';

export interface Scenario {
  readonly seed: number;
  readonly partitions: number;
  readonly startMs: number;
  readonly settings: Settings;
  readonly failureRate: number;
  readonly pageReadings: number;
  readonly commitItems: number;
  /** No change of the topology after the building stands: then `final` admits no exception but late readings. */
  readonly isTopologyQuiet: boolean;
  /** Whether leases keep processes off each other's shards; otherwise every process runs every shard. */
  readonly leases: 'kept' | 'none';
  /** Commands that get no answer are repeated until they do. */
  readonly isPersonPatient: boolean;
  /** Logs may go back. */
  readonly hasLosses: boolean;
  readonly actions: readonly Action[];
}
