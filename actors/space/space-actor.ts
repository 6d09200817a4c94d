// The actor of one space: a fold behind a mailbox. It has no states of its own, because its behaviour depends only on
// its data. So it uses XState's `fromTransition`, which handles ten times as many events a second as a statechart
// (docs/adr/0081). Readings arrive in batches. An event carries data only; requests to the partition are emitted.
import {
  createActor,
  fromTransition,
  type ActorRefFrom,
  type ActorSystem,
  type ActorSystemInfo,
  type AnyActorRef,
} from 'xstate';
import type { DpuId } from '../../src/domain/ids.ts';
import type { SpaceConfig } from '../../src/domain/commit.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { ResetPoint } from '../../src/domain/reset-schedule.ts';
import type { Occupancy } from '../../src/domain/segment.ts';
import type { Emit, PartitionContext, SpaceOutput, SpaceState } from './space-state.ts';

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

const spaceLogic = fromTransition<SpaceState, SpaceActorEvent, ActorSystem<ActorSystemInfo>, SpaceState, SpaceOutput>(
  (state, event, { emit }) => {
    apply(state, event, emit);
    return state;
  },
  ({ input }) => input,
);

export type SpaceActor = ActorRefFrom<typeof spaceLogic>;

/**
 * Starts the parent of the actors of one partition. Children share its system: with a system of its own a space that
 * does nothing would take twice the memory. The parent ignores their errors, which `tell` throws; without a parent XState
 * would raise them as uncaught exceptions of the process.
 */
export function startSpacesActor(): AnyActorRef {
  return createActor(fromTransition((state: null) => state, null)).start();
}

/** Starts the actor of a space that is new or restored from a checkpoint. */
export function startSpaceActor(state: SpaceState, parent: AnyActorRef, onOutput: Emit): SpaceActor {
  const actor = createActor(spaceLogic, { input: state, parent });
  actor.on('*', onOutput);
  return actor.start();
}

/** @throws the error of the space */
export function tell(actor: SpaceActor, event: SpaceActorEvent): void {
  actor.send(event);
  const { status, error } = actor.getSnapshot();
  if (status === 'error') throw error;
}
