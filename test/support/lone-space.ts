// A space with one partition around it, whose clock and open block a test moves.
import { SpaceState, type Emit, type PartitionContext, type SpaceSnapshot } from '../../actors/space/space-state.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { ResetPoint } from '../../src/domain/reset-schedule.ts';

export const SPACE_SETTINGS = {
  outOfOrdernessMs: 10,
  idleTimeoutMs: 100,
  blockRowsMax: 1_000,
  blockAgeMaxMs: 0,
  lateBlockAgeMaxMs: 0,
  bufferEventsMax: 50,
};

export class LoneSpace {
  readonly state = new SpaceState(1 as SpaceId);
  readonly final: LoggedEvent[] = [];
  readonly late: LoggedEvent[] = [];
  cutsAsked = 0;
  openBlock = 1;
  clockMs = 0;

  constructor(...resets: ResetPoint[]) {
    this.configure({ resets });
  }

  get context(): PartitionContext {
    return {
      partition: 0 as Partition,
      partitions: 1,
      settings: SPACE_SETTINGS,
      clocks: [this.clockMs],
      openBlock: this.openBlock,
    };
  }

  get snapshot(): SpaceSnapshot {
    return this.state.snapshot();
  }

  readonly #emit: Emit = (output) => {
    if (output.type === 'eventsFinal') this.final.push(...output.events);
    else if (output.type === 'eventLate') this.late.push(output.event);
    else this.cutsAsked += 1;
  };

  configure(config: Partial<Omit<SpaceConfig, 'dpus'>> & { readonly dpus?: readonly string[] }): void {
    const { dpus = ['d'], ...rest } = config;
    this.state.configure(
      {
        spaceId: this.state.spaceId,
        timeZone: 'UTC',
        dailyReset: null,
        dailyResetCount: 0,
        resets: [],
        ...rest,
        dpus: dpus.map((dpuId) => ({ dpuId: dpuId as DpuId, fromMs: BEGINNING_MS, toMs: END_MS })),
      },
      this.context,
      this.#emit,
    );
  }

  observe(clockMs: number, ...events: LoggedEvent[]): void {
    this.clockMs = clockMs;
    this.state.observe(events, this.context, this.#emit);
  }

  elapse(clockMs: number): void {
    this.clockMs = clockMs;
    this.state.elapse(this.context, this.#emit);
  }

  /** The open block is cut, and the next begins. */
  cut(): void {
    this.state.blockCut(this.openBlock);
    this.openBlock += 1;
  }

  at(atMs: number): [net: number, lowestNet: number] {
    const { net, lowestNet } = this.state.occupancyAt(atMs);
    return [net, lowestNet];
  }
}
