// The life of one shard in one process, as a statechart. It decides and does nothing itself: the work of a state is the
// actor that the state invokes, and src/shards/shard.ts supplies those. Leaving a state stops its actor.
//
//   idle ──► standingBy ──► acquiring ──► restoring ──► running ──► draining ──► releasing ──► idle
//                                         └──────────── holding ───────────┘
//                                                        └──► abandoning ──► idle      the lease was lost
//
//  - L1 a process answers for a shard as its owner only in `running` and `draining`.
//  - L2 every path from a granted lease ends in `releasing`, or in `abandoning` if the lease was lost. A request for the
//    lease is therefore never left while it is under way: the answer might be yes.
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

/** What this process wants of a shard: to own it, to keep a warm copy of it, or nothing. */
export type ShardWish = 'own' | 'standBy' | 'nothing';

export type ShardEvent =
  | { readonly type: 'wished'; readonly wish: ShardWish }
  /** The lease has no holder any more. */
  | { readonly type: 'leaseFreed' };

/** The shard's work failed, and will be restarted. */
export interface ShardFailed {
  readonly type: 'failed';
  readonly error: unknown;
}

export interface ShardContext {
  /** Kept until the next wish: a state that cannot grant it at once leads to one that can. */
  readonly wish: ShardWish;
  /** Consecutive failures, without a healthy period in between. */
  readonly failures: number;
}

/** The actors that only describe the machine: `shardMachine.provide` replaces them. */
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
    /** Folds the log, and stores nothing. Never ends by itself, but fails. */
    keepCopy: fromPromise<void>(notProvided),
    /** Asks for the lease once. */
    takeLease: fromPromise<boolean>(notProvided),
    /** Ends when the lease is lost to another process. */
    keepLease: fromPromise<void>(notProvided),
    /** Becomes the owner: ends when everything that the log held when it began is applied. */
    catchUp: fromPromise<void>(notProvided),
    /** Routes, folds, stores and saves. Never ends by itself, but fails. */
    run: fromPromise<void>(notProvided),
    /** Stops routing, stores the remaining blocks and saves a checkpoint. */
    drain: fromPromise<void>(notProvided),
    /** Stops the failed loops. Their last fold stays available for stale answers. */
    stopFailed: fromPromise<void>(notProvided),
    /** Gives up the lease, and stops everything. */
    release: fromPromise<void>(notProvided),
    /** Stops everything. */
    abandon: fromPromise<void>(notProvided),
  },
  delays: {
    /** The lease may have become free without this process hearing of it. */
    retake: 250,
    /** Replaced by one with jitter. */
    backoff: ({ context }) => 50 * 2 ** context.failures,
    healthy: 10_000,
    /** Work that is not stored and saved by then is repeated by the next owner. */
    drainMax: 10_000,
  },
  guards: {
    wantsOwnership: ({ context }) => context.wish === 'own',
    wantsCopy: ({ context }) => context.wish === 'standBy',
    wantsNothing: ({ context }) => context.wish === 'nothing',
    wantsNoOwnership: ({ context }) => context.wish !== 'own',
    isGranted: (_, { granted }: { granted: boolean }) => granted,
  },
  actions: {
    keepWish: assign({ wish: (_, { wish }: { wish: ShardWish }) => wish }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    reportFailure: emit((_, { error }: { error: unknown }) => ({ type: 'failed', error })),
  },
}).createMachine({
  id: 'shard',
  context: { wish: 'nothing', failures: 0 },
  initial: 'idle',
  on: {
    wished: { actions: { type: 'keepWish', params: ({ event }) => ({ wish: event.wish }) } },
  },
  states: {
    idle: {
      always: [
        { guard: 'wantsOwnership', target: 'acquiring' },
        { guard: 'wantsCopy', target: 'standingBy' },
      ],
    },
    standingBy: {
      initial: 'following',
      always: [
        { guard: 'wantsOwnership', target: 'acquiring' },
        { guard: 'wantsNothing', target: 'abandoning' },
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
      // An existing copy keeps folding. If it fails, that is noticed once the lease is granted.
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
            { guard: 'wantsCopy', target: '#shard.standingBy' },
            { guard: 'wantsNothing', target: '#shard.abandoning' },
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
          always: { guard: 'wantsNoOwnership', target: '#shard.releasing' },
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
          always: { guard: 'wantsNoOwnership', target: 'draining' },
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

/** The state without its inner states: whether `restoring` reads or pauses after a failure matters only inside. */
export function shardStateOf({ value }: Pick<SnapshotFrom<typeof shardMachine>, 'value'>): ShardState {
  if (typeof value === 'string') return value;
  if ('standingBy' in value) return 'standingBy';
  if ('acquiring' in value) return 'acquiring';
  const held = value.holding;
  return typeof held === 'string' ? held : 'restoring';
}
