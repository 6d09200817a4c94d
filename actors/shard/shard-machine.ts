// The life of one shard in one process, as a statechart. It only decides: the work of a state is the
// actor that the state invokes, which src/shards/shard.ts supplies. Leaving a state stops its actor.
//
//   idle ──► standingBy ──► acquiring ──► restoring ──► running ──► draining ──► releasing ──► idle
//                                         └──────────── holding ───────────┘
//                                                        └──► abandoning ──► idle      the lease was lost
//
//  - L1 a process answers for a shard as its owner only in `running` and `draining`.
//  - L2 every path from a granted lease ends in `releasing`, or in `abandoning` if the lease was lost. So a pending
//    request for the lease is never abandoned, because it may still be granted.
import { assign, emit, fromPromise, setup, type SnapshotFrom } from 'xstate';

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

/** What this process is to do with a shard: own it, keep a warm copy of it, or neither. */
export type ShardGoal = 'own' | 'standBy' | 'nothing';

export type ShardEvent =
  | { readonly type: 'goalSet'; readonly goal: ShardGoal }
  /** The lease has no holder any more. */
  | { readonly type: 'leaseFreed' };

/** The shard's work failed, and will be restarted. */
export interface ShardFailed {
  readonly type: 'failed';
  readonly error: unknown;
}

export interface ShardContext {
  /** Kept until it is set again: a state that cannot reach it at once leads to one that can. */
  readonly goal: ShardGoal;
  /** Consecutive failures, without a healthy period in between. */
  readonly failures: number;
}

/** Placeholders that only describe the machine: `shardMachine.provide` replaces them. */
const notProvided = (): never => {
  throw new Error('the work of this state is not provided');
};

export const shardMachine = setup({
  types: {
    context: {} as ShardContext,
    events: {} as ShardEvent,
    emitted: {} as ShardFailed,
  },
  actors: {
    /** Folds the log, and stores nothing. Ends only by failing. */
    keepCopy: fromPromise<void>(notProvided),
    /** Requests the lease once. */
    takeLease: fromPromise<boolean>(notProvided),
    /** Ends when the lease is lost to another process. */
    keepLease: fromPromise<void>(notProvided),
    /** Becomes the owner, of the copy if there is one: ends when everything is applied that the log held at the start. */
    catchUp: fromPromise<void>(notProvided),
    /** Routes, folds, stores and saves. Ends only by failing. */
    run: fromPromise<void>(notProvided),
    /** Stops routing, stores the remaining blocks and saves a checkpoint. */
    drain: fromPromise<void>(notProvided),
    /** Stops the failed loops. Their last fold stays available for stale answers. */
    stopFailed: fromPromise<void>(notProvided),
    /** Releases the lease, and stops everything. */
    release: fromPromise<void>(notProvided),
    /** Stops everything. */
    abandon: fromPromise<void>(notProvided),
  },
  delays: {
    /** The lease may have become free without a notification to this process. */
    retake: 250,
    /** Replaced by a delay with jitter. */
    backoff: ({ context }) => 50 * 2 ** context.failures,
    healthy: 10_000,
    /** The next owner repeats work that is not stored and saved by then. */
    drainMax: 10_000,
  },
  guards: {
    goalIsOwner: ({ context }) => context.goal === 'own',
    goalIsCopy: ({ context }) => context.goal === 'standBy',
    goalIsNothing: ({ context }) => context.goal === 'nothing',
    goalIsNotOwner: ({ context }) => context.goal !== 'own',
    isGranted: (_, { granted }: { granted: boolean }) => granted,
  },
  actions: {
    keepGoal: assign({ goal: (_, { goal }: { goal: ShardGoal }) => goal }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    reportFailure: emit((_, { error }: { error: unknown }) => ({ type: 'failed', error })),
  },
}).createMachine({
  id: 'shard',
  context: { goal: 'nothing', failures: 0 },
  initial: 'idle',
  on: {
    goalSet: { actions: { type: 'keepGoal', params: ({ event }) => ({ goal: event.goal }) } },
  },
  states: {
    idle: {
      always: [
        { guard: 'goalIsOwner', target: 'acquiring' },
        { guard: 'goalIsCopy', target: 'standingBy' },
      ],
    },
    standingBy: {
      initial: 'following',
      always: [
        { guard: 'goalIsOwner', target: 'acquiring' },
        { guard: 'goalIsNothing', target: 'abandoning' },
      ],
      states: {
        following: {
          invoke: {
            src: 'keepCopy',
            onError: {
              target: 'stopping',
              actions: ['countFailure', { type: 'reportFailure', params: ({ event }) => ({ error: event.error }) }],
            },
          },
          after: { healthy: { actions: 'forgetFailures' } },
        },
        stopping: {
          invoke: { src: 'stopFailed', onDone: 'pausing', onError: 'pausing' },
        },
        pausing: { after: { backoff: 'following' } },
      },
    },
    acquiring: {
      // A former owner that was killed keeps the lease for seconds. Meanwhile a copy is made, so that only the rest of the
      // log is left to read once the lease is granted. If the copy fails, `catchUp` notices it, which also reports it.
      invoke: { src: 'keepCopy', onError: {} },
      initial: 'asking',
      states: {
        asking: {
          invoke: {
            src: 'takeLease',
            onDone: [
              {
                guard: { type: 'isGranted', params: ({ event }) => ({ granted: event.output }) },
                target: '#shard.holding',
              },
              { target: 'waiting' },
            ],
            onError: 'waiting',
          },
        },
        waiting: {
          always: [
            { guard: 'goalIsCopy', target: '#shard.standingBy' },
            { guard: 'goalIsNothing', target: '#shard.abandoning' },
          ],
          on: { leaseFreed: 'asking' },
          after: { retake: 'asking' },
        },
      },
    },
    holding: {
      invoke: { src: 'keepLease', onDone: 'abandoning', onError: 'releasing' },
      initial: 'restoring',
      states: {
        restoring: {
          initial: 'catchingUp',
          always: { guard: 'goalIsNotOwner', target: '#shard.releasing' },
          states: {
            catchingUp: {
              invoke: {
                src: 'catchUp',
                onDone: '#shard.holding.running',
                onError: {
                  target: 'stopping',
                  actions: ['countFailure', { type: 'reportFailure', params: ({ event }) => ({ error: event.error }) }],
                },
              },
            },
            stopping: {
              invoke: { src: 'stopFailed', onDone: 'pausing', onError: 'pausing' },
            },
            pausing: { after: { backoff: 'catchingUp' } },
          },
        },
        running: {
          always: { guard: 'goalIsNotOwner', target: 'draining' },
          invoke: {
            src: 'run',
            onError: {
              target: 'restoring.stopping',
              actions: ['countFailure', { type: 'reportFailure', params: ({ event }) => ({ error: event.error }) }],
            },
          },
          after: { healthy: { actions: 'forgetFailures' } },
        },
        draining: {
          invoke: {
            src: 'drain',
            onDone: '#shard.releasing',
            onError: {
              target: '#shard.releasing',
              actions: { type: 'reportFailure', params: ({ event }) => ({ error: event.error }) },
            },
          },
          after: { drainMax: '#shard.releasing' },
        },
      },
    },
    releasing: {
      invoke: { src: 'release', onDone: 'idle', onError: 'idle' },
    },
    abandoning: {
      invoke: { src: 'abandon', onDone: 'idle', onError: 'idle' },
    },
  },
});

/**
 * The state without its inner states: whether `restoring` reads or pauses after a failure matters only to the
 * machine.
 */
export function shardStateOf({ value }: Pick<SnapshotFrom<typeof shardMachine>, 'value'>): ShardState {
  if (typeof value === 'string') return value;
  if ('standingBy' in value) return 'standingBy';
  if ('acquiring' in value) return 'acquiring';
  const held = value.holding;
  return typeof held === 'string' ? held : 'restoring';
}
