// The actor of one space: a fold behind a mailbox. It has no states of its own, because its behaviour depends only on
// its data. So it uses XState's `fromTransition`, which handles ten times as many events a second as a statechart
// (docs/adr/0081). Readings arrive in batches. An event carries data only. The transition passes
// the space's requests to the partition.
import { createActor, fromTransition, type ActorRefFrom, type TransitionActorLogic } from 'xstate';
import type { DpuId } from '../../src/domain/ids.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { ResetPoint } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import type { Emit, PartitionContext, SpaceState } from './space-state.ts';

type SpaceLogic = TransitionActorLogic<SpaceState, SpaceActorEvent, SpaceState>;
export type SpaceActor = ActorRefFrom<SpaceLogic>;

export type SpaceActorEvent =
  | { readonly type: 'readingsObserved'; readonly events: readonly LoggedEvent[]; readonly context: PartitionContext }
  | {
      readonly type: 'heartbeatObserved';
      readonly dpuId: DpuId;
      readonly timestampMs: number;
      readonly context: PartitionContext;
    }
  | { readonly type: 'timeElapsed'; readonly context: PartitionContext }
  | { readonly type: 'configured'; readonly config: SpaceConfig; readonly context: PartitionContext }
  | { readonly type: 'blockCut'; readonly block: number }
  | { readonly type: 'historyRead'; readonly block: number; readonly base: ResetPoint; readonly occupancy: Occupancy }
  | { readonly type: 'newestReadingRead'; readonly block: number; readonly storedMs: number };

/** What the actor does with an event. A space without an actor is told in this way. @throws the error of the space */
export function apply(state: SpaceState, event: SpaceActorEvent, emit: Emit): void {
  switch (event.type) {
    case 'readingsObserved':
      return state.observe(event.events, event.context, emit);
    case 'heartbeatObserved':
      state.recordAlive(event.dpuId, event.timestampMs);
      return state.elapse(event.context, emit);
    case 'timeElapsed':
      return state.elapse(event.context, emit);
    case 'configured':
      return state.configure(event.config, event.context, emit);
    case 'blockCut':
      return state.blockCut(event.block);
    case 'historyRead':
      return state.correct(event.block, event.base, event.occupancy);
    case 'newestReadingRead':
      return state.newestReadingRead(event.block, event.storedMs);
  }
}

/** Starts the actors of the spaces of one partition. */
export class SpaceActorStarter {
  /**
   * Children share its system: with a system of its own a space that does nothing would take twice the memory. The parent
   * ignores their errors, which `tell` throws; without a parent XState would raise them as uncaught exceptions of the
   * process.
   */
  readonly #parent = createActor(fromTransition((state: null) => state, null)).start();
  readonly #logic: SpaceLogic;

  /** @param onOutput of any space. XState's `emit` would need a listener on each actor, a seventh of its memory. */
  constructor(onOutput: Emit) {
    this.#logic = fromTransition(
      (state, event) => {
        apply(state, event, onOutput);
        return state;
      },
      ({ input }) => input,
    );
  }

  /** Starts the actor of a space that is new or restored from a checkpoint. */
  start(state: SpaceState): SpaceActor {
    return createActor(this.#logic, { input: state, parent: this.#parent }).start();
  }
}

/** @throws the error of the space */
export function tell(actor: SpaceActor, event: SpaceActorEvent): void {
  actor.send(event);
  const { status, error } = actor.getSnapshot();
  if (status === 'error') throw error;
}
