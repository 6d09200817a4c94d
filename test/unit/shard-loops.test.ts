// What a shard that was granted its lease does while the logs are in doubt: it reads nothing, and stores nothing. And how
// often it saves a checkpoint.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { MACHINE_TIMING, type Timing } from '../../src/runtime/timing.ts';
import { CommonStart } from '../../src/shards/common-start.ts';
import { ShardLoops, type ShardLoopsDeps } from '../../src/shards/shard-loops.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { memoryPorts, PARTITIONS, type MemoryPorts } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';
import { personEvent } from '../support/person-event.ts';

const TURNS = 50;

/** A class, because `fakeOf` wraps plain objects. */
class Unanswered {}

it.each([
  ['owns', (loops: ShardLoops): Promise<unknown> => loops.own()],
  ['keeps a copy', (loops: ShardLoops): Promise<unknown> => loops.keepCopy()],
])('L3 a shard that %s reads nothing before the logs are sound', async (_, begin) => {
  const called: string[] = [];
  /** Records what is called, and never answers. */
  const unanswered = <Port extends object>(): Port =>
    new Proxy(new Unanswered() as Port, {
      get: (_target, name) => (): Promise<never> => {
        called.push(String(name));
        return new Promise(() => undefined);
      },
    });
  let settle: () => void = () => undefined;
  const sound = new Promise<void>((resolve) => (settle = resolve));
  const loops = new ShardLoops(
    fakeOf<ShardLoopsDeps>('ShardLoopsDeps', {
      fold: {
        partition: 0 as Partition,
        partitions: 1,
        epoch: new LogEpoch(),
        events: unanswered<ShardLoopsDeps['fold']['events']>(),
        history: unanswered<ShardLoopsDeps['fold']['history']>(),
        checkpoints: unanswered<ShardLoopsDeps['fold']['checkpoints']>(),
        start: new CommonStart(),
        yieldTurn: async () => Promise.resolve(),
      },
      logs: { doubts: 1, suspect: () => undefined, untilSound: async () => sound },
      onRouterFailure: () => undefined,
      timing: MACHINE_TIMING,
      log: pino({ level: 'silent' }),
    }),
  );
  begin(loops).catch(() => undefined);
  for (let turn = 0; turn < TURNS; turn++) await yieldToEventLoop();
  expect(called).toEqual([]);
  settle();
  await eventually(() => expect(called).toContain('load'), 20_000);
});

interface CutShard {
  readonly loops: ShardLoops;
  readonly logs: { isInDoubt: boolean };
  readonly lastBlock: () => Promise<number>;
  readonly close: () => Promise<void>;
}

const PARTITION = 0 as Partition;

/** A shard of these ports. Its router fails, and is started again and again. */
function shardOf(
  { events, history, checkpoints }: MemoryPorts,
  { timing, logs }: Pick<ShardLoopsDeps, 'timing' | 'logs'>,
): ShardLoops {
  return new ShardLoops(
    fakeOf<ShardLoopsDeps>('ShardLoopsDeps', {
      fold: {
        ...{ partition: PARTITION, partitions: PARTITIONS, epoch: new LogEpoch(), events, history, checkpoints },
        start: new CommonStart(),
        yieldTurn: async () => Promise.resolve(),
      },
      router: fakeOf<ShardLoopsDeps['router']>('RouterDeps', {}),
      hours: { intervalMs: 3_600_000, settledMs: 3_600_000 },
      logs,
      onRouterFailure: () => undefined,
      timing,
      log: pino({ level: 'silent' }),
    }),
  );
}

function entranceTo(spaceId: number): SpaceEvent {
  const [space, dpuId, doorwayId] = [spaceId as SpaceId, 'd' as DpuId, 1 as DoorwayId];
  return personEvent({ spaceId: space, dpuId, doorwayId, timestampMs: 1, sign: 1, primary: true }, 1);
}

/** A shard that has cut its first block while the logs are in doubt. */
async function shardInDoubt(): Promise<CutShard> {
  const [ports, partition] = [await memoryPorts(), PARTITION];
  const { events, history } = ports;
  const logs = {
    ...{ doubts: 1, isInDoubt: false, suspect: () => undefined },
    untilSound: async (signal: AbortSignal) => {
      while (logs.isInDoubt && !signal.aborted) await yieldToEventLoop();
    },
  };
  const loops = shardOf(ports, { timing: MACHINE_TIMING, logs });
  await loops.own();
  logs.isInDoubt = true;
  const settings = { ...DEFAULT_SETTINGS, blockRowsMax: 1 };
  const section = { events: [entranceTo(1)], heartbeats: [], configs: [], settings };
  await events.commit(commitHeader({ router: partition, clockMs: 3_600_000 }), new Map([[partition, section]]), 0);
  await eventually(() => expect(loops.fold?.fold.unstored).toHaveLength(1), 20_000);
  const close = async (): Promise<void> => {
    await loops.stop();
    await ports.close();
  };
  return { loops, logs, lastBlock: async () => history.lastBlock(partition), close };
}

it('L3 a shard stores no block while the logs are in doubt', async () => {
  const { logs, lastBlock, close } = await shardInDoubt();
  for (let turn = 0; turn < TURNS; turn++) await yieldToEventLoop();
  expect(await lastBlock()).toBe(0);
  logs.isInDoubt = false;
  await eventually(async () => expect(await lastBlock()).toBe(1), 20_000);
  await close();
});

it('L3 a shard that is handed over while the logs are in doubt leaves its blocks to the next owner', async () => {
  const { loops, lastBlock, close } = await shardInDoubt();
  await loops.drain();
  expect(await lastBlock()).toBe(0);
  await close();
});

/** How often a shard checks whether a checkpoint is due, if random numbers are 0.5. */
const INTERVAL_MS = 15_000;

it('a checkpoint is saved once there is as much to apply again as it would contain, or once the last one is a minute old', async () => {
  const ports = await memoryPorts();
  let nowMs = 0;
  let endInterval: (() => void) | undefined;
  const timing: Timing = {
    ...MACHINE_TIMING,
    now: () => nowMs,
    random: () => 0.5,
    pause: async (ms, signal) =>
      ms === INTERVAL_MS
        ? new Promise((resolve) => {
            endInterval = resolve;
            signal.addEventListener('abort', () => resolve());
          })
        : MACHINE_TIMING.pause(ms, signal),
  };
  const loops = shardOf(ports, { timing, logs: undefined });
  await loops.own();
  let previousSeq = 0;
  const commit = async (events: SpaceEvent[]): Promise<void> => {
    const section = { events, heartbeats: [], configs: [], settings: undefined };
    const outcome = await ports.events.commit(
      commitHeader({ router: PARTITION, previousSeq, clockMs: 1 }),
      new Map(events.length > 0 ? [[PARTITION, section]] : []),
      previousSeq,
    );
    if (outcome.kind !== 'committed') throw new Error(outcome.kind);
    previousSeq = outcome.seq;
    await eventually(() => expect(loops.fold?.fold.seq).toBe(previousSeq), 20_000);
  };
  /** @returns the sequence that the last checkpoint includes */
  const afterIntervals = async (intervals: number): Promise<number> => {
    for (let n = 0; n < intervals; n++) {
      await eventually(() => expect(endInterval).toBeDefined(), 20_000);
      const end = endInterval;
      [endInterval, nowMs] = [undefined, nowMs + INTERVAL_MS];
      end?.();
    }
    await eventually(() => expect(endInterval).toBeDefined(), 20_000);
    return (await ports.checkpoints.last(PARTITION)).mark.seq;
  };
  await commit([entranceTo(1), entranceTo(2), entranceTo(3)]);
  expect(await afterIntervals(1)).toBe(previousSeq);
  const saved = previousSeq;
  await commit([]);
  await commit([]);
  expect(await afterIntervals(3)).toBe(saved);
  expect(await afterIntervals(1)).toBe(previousSeq);
  await commit([entranceTo(1), entranceTo(2)]);
  expect(await afterIntervals(1)).toBe(previousSeq);
  await loops.stop();
  await ports.close();
});
