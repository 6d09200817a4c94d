// The life of one shard in one process:
//
//   idle ──► standingBy ──► acquiring ──► restoring ──► running ──► draining ──► releasing ──► idle
//                                            │             └─────────┬────────┘
//                                            └───► abandoning ◄──────┘   the lease is somebody else's
//
// The table is total: a pair without a cell does not compile. The machine decides, and does nothing:
// whoever hosts the shard gives it `enter`, does the work of the state that was entered, and reports how
// it ended as the next event. So a late report (a lease granted after the shard was no longer wanted)
// has a cell like any other.
//
//  - L1 a shard is answered for as the owner in `running` and `draining` alone.
//  - L2 every path from a granted lease ends in `releasing`, or in `abandoning` when it was lost.
import { createActor, createMachine, type ActorRefFrom, type MachineConfig } from 'xstate';

export const SHARD_STATES = [
  'idle',
  'standingBy',
  'acquiring',
  'restoring',
  'running',
  'draining',
  'releasing',
  'abandoning',
] as const;
export type ShardState = (typeof SHARD_STATES)[number];

export const SHARD_EVENTS = [
  'ownershipWanted',
  'standbyWanted',
  'nothingWanted',
  'leaseGranted',
  'leaseLost',
  'restored',
  'failed',
  'drained',
  'stopped',
] as const;
export type ShardEventType = (typeof SHARD_EVENTS)[number];
export interface ShardEvent {
  readonly type: ShardEventType;
}

/** `stay` changes nothing; `anew` enters the same state again. */
type Cell = ShardState | 'stay' | 'anew';

/** Who does the work: it is told each state that is entered. */
interface ShardWorker {
  readonly enter: (state: ShardState) => void;
}

/** What is wanted is said again and again: a wish that comes at a bad moment is heard at the next. */
export const SHARD_TABLE: Readonly<Record<ShardState, Readonly<Record<ShardEventType, Cell>>>> = {
  idle: {
    ownershipWanted: 'acquiring',
    standbyWanted: 'standingBy',
    nothingWanted: 'stay',
    leaseGranted: 'releasing',
    leaseLost: 'stay',
    restored: 'stay',
    failed: 'stay',
    drained: 'stay',
    stopped: 'stay',
  },
  standingBy: {
    ownershipWanted: 'acquiring',
    standbyWanted: 'stay',
    nothingWanted: 'idle',
    leaseGranted: 'releasing',
    leaseLost: 'stay',
    restored: 'stay',
    failed: 'anew',
    drained: 'stay',
    stopped: 'stay',
  },
  acquiring: {
    ownershipWanted: 'stay',
    standbyWanted: 'standingBy',
    nothingWanted: 'idle',
    // What was kept warm has failed: that is seen when it is needed, after the lease was granted.
    leaseGranted: 'restoring',
    leaseLost: 'stay',
    restored: 'stay',
    failed: 'stay',
    drained: 'stay',
    stopped: 'stay',
  },
  restoring: {
    ownershipWanted: 'stay',
    standbyWanted: 'releasing',
    nothingWanted: 'releasing',
    leaseGranted: 'stay',
    leaseLost: 'abandoning',
    restored: 'running',
    failed: 'anew',
    drained: 'stay',
    stopped: 'stay',
  },
  running: {
    ownershipWanted: 'stay',
    standbyWanted: 'draining',
    nothingWanted: 'draining',
    leaseGranted: 'stay',
    leaseLost: 'abandoning',
    restored: 'stay',
    failed: 'restoring',
    drained: 'stay',
    stopped: 'stay',
  },
  draining: {
    ownershipWanted: 'stay',
    standbyWanted: 'stay',
    nothingWanted: 'stay',
    leaseGranted: 'stay',
    leaseLost: 'abandoning',
    restored: 'stay',
    failed: 'releasing',
    drained: 'releasing',
    stopped: 'stay',
  },
  releasing: {
    ownershipWanted: 'stay',
    standbyWanted: 'stay',
    nothingWanted: 'stay',
    leaseGranted: 'stay',
    leaseLost: 'stay',
    restored: 'stay',
    failed: 'stay',
    drained: 'stay',
    stopped: 'idle',
  },
  abandoning: {
    ownershipWanted: 'stay',
    standbyWanted: 'stay',
    nothingWanted: 'stay',
    leaseGranted: 'stay',
    leaseLost: 'stay',
    restored: 'stay',
    failed: 'stay',
    drained: 'stay',
    stopped: 'idle',
  },
};

function statesOf(table: typeof SHARD_TABLE): NonNullable<MachineConfig<ShardWorker, ShardEvent>['states']> {
  return Object.fromEntries(
    SHARD_STATES.map((state) => [
      state,
      {
        entry: ({ context }: { context: ShardWorker }) => context.enter(state),
        on: Object.fromEntries(
          SHARD_EVENTS.flatMap((event) => {
            const cell = table[state][event];
            if (cell === 'stay') return [];
            return [[event, cell === 'anew' ? { target: state, reenter: true } : { target: cell }]];
          }),
        ),
      },
    ]),
  );
}

const shardMachine = createMachine({
  types: {} as { events: ShardEvent; context: ShardWorker; input: ShardWorker },
  id: 'shard',
  initial: 'idle',
  context: ({ input }) => input,
  states: statesOf(SHARD_TABLE),
});

export type ShardActor = ActorRefFrom<typeof shardMachine>;

export function startShardActor(enter: (state: ShardState) => void, onError: (error: unknown) => void): ShardActor {
  const actor = createActor(shardMachine, { input: { enter } });
  // Without an observer XState raises an error of the actor as an uncaught exception of the process.
  actor.subscribe({ error: onError });
  return actor.start();
}

export const stateOfShard = (actor: ShardActor): ShardState => actor.getSnapshot().value as ShardState;
