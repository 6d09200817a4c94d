// Which blocks a fold sends to ClickHouse after its process was suspended and another process ran its shard.
import { expect, test } from 'vitest';
import { blockOf, NO_MARK } from '../../actors/partition/block.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Checkpoints } from '../../src/ports/checkpoints.ts';
import type { History } from '../../src/ports/history.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import type { SpaceEventsLog } from '../../src/ports/space-events-log.ts';
import { CommonStart } from '../../src/shards/common-start.ts';
import { DurableFold } from '../../src/shards/durable-fold.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { checkpointOf } from '../support/checkpoint.ts';
import { commitHeader } from '../support/commit-header.ts';
import { personEvent } from '../support/person-event.ts';
import { fakeOf } from '../support/fake-of.ts';

const PARTITION = 0 as Partition;

function row(seq: number): LoggedEvent {
  const [spaceId, dpuId, doorwayId] = [1 as SpaceId, 'd' as DpuId, 1 as DoorwayId];
  return loggedEvent(personEvent({ spaceId, dpuId, doorwayId, timestampMs: seq, sign: 1, primary: true }, 1), seq);
}

const BLOCKS = [1, 2, 3].map((number) => blockOf(0, PARTITION, number, [row(number)]));

/** A fold with blocks 1 to 3 in memory, and a history that records what is sent to it. */
async function foldWithBlocks(): Promise<{ durable: DurableFold; sent: number[]; history: { last: number } }> {
  const fold = new PartitionFold(PARTITION, 1, { unstored: BLOCKS, openNumber: 4, seq: 3 });
  const sent: number[] = [];
  const history = { last: 0 };
  const checkpoints: Pick<Checkpoints, 'load'> = {
    load: async () => Promise.resolve({ revision: 1, ...checkpointOf(1, encodeSnapshot(fold)) }),
  };
  const events: Pick<SpaceEventsLog, 'open'> = {
    open: async () =>
      Promise.resolve({
        next: async () => Promise.resolve([]),
        behind: 0,
        wake: () => undefined,
        close: async () => Promise.resolve(),
      }),
  };
  const tables: Pick<History, 'lastBlockMark' | 'storeBlock'> = {
    lastBlockMark: async () => Promise.resolve({ number: history.last, epoch: 0, mark: NO_MARK }),
    storeBlock: async ({ number }) => Promise.resolve(void sent.push(number)),
  };
  const durable = new DurableFold({
    start: new CommonStart(),
    yieldTurn: async () => undefined,
    partition: PARTITION,
    partitions: 1,
    epoch: new LogEpoch(),
    events: events as SpaceEventsLog,
    history: tables as History,
    checkpoints: checkpoints as Checkpoints,
  });
  await durable.restore();
  return { durable, sent, history };
}

test('blocks that another process stored during a suspension are not sent again, except the last, which may be incomplete', async () => {
  const { durable, sent, history } = await foldWithBlocks();
  await durable.flush();
  history.last = 3;
  durable.forgetStored();
  while (await durable.flush()) continue;
  expect(sent).toEqual([1, 3]);
});

test('a fold whose process was not suspended queries history once', async () => {
  const { durable, sent, history } = await foldWithBlocks();
  await durable.flush();
  history.last = 3;
  while (await durable.flush()) continue;
  expect(sent).toEqual([1, 2, 3]);
});

test('a copy that takes over records everything its predecessor recorded as stored, even if it knows of fewer blocks', async () => {
  const fold = new PartitionFold(PARTITION, 1, { unstored: BLOCKS, openNumber: 4, seq: 3 });
  const saved: number[] = [];
  const checkpoints: Checkpoints = {
    load: async () => Promise.resolve({ revision: 1, ...checkpointOf(1, encodeSnapshot(fold)) }),
    // Since the copy restored, the owner has stored block 2 and saved a checkpoint.
    last: async () => Promise.resolve({ revision: 2, ...checkpointOf(3, []) }),
    save: async (_, { storedBeforeSeq }) => Promise.resolve(saved.push(storedBeforeSeq)),
  };
  const entries = [
    { subject: 'routers.0', seq: 4, timeMs: 4, data: encodeCommit(commitHeader({ clockMs: 4 }), new Map()) },
  ];
  const events: Pick<SpaceEventsLog, 'open'> = {
    open: async () =>
      Promise.resolve({
        next: async () => Promise.resolve(entries.splice(0)),
        behind: 0,
        wake: () => undefined,
        close: async () => Promise.resolve(),
      }),
  };
  const durable = new DurableFold({
    start: new CommonStart(),
    yieldTurn: async () => undefined,
    partition: PARTITION,
    partitions: 1,
    epoch: new LogEpoch(),
    events: events as SpaceEventsLog,
    history: fakeOf<History>('History', {}),
    checkpoints,
  });
  await durable.restore();
  await durable.follow();
  await durable.promote();
  await durable.checkpoint();
  expect(saved).toEqual([3]);
});

test('folds that are restored together tell the log from where all of them read', async () => {
  const start = new CommonStart();
  const opened: (readonly [Partition, number, number | undefined])[] = [];
  const events = fakeOf<SpaceEventsLog>('SpaceEventsLog', {
    open: async (partition, afterSeq, othersAfterSeq) => {
      opened.push([partition, afterSeq, othersAfterSeq]);
      return Promise.resolve(fakeOf<LogCursor>('LogCursor', {}));
    },
  });
  const restored = [30, 10, 20].map(async (seq, k) => {
    const partition = k as Partition;
    const snapshot = encodeSnapshot(new PartitionFold(partition, 3, { seq }));
    const checkpoints = fakeOf<Checkpoints>('Checkpoints', {
      load: async () => Promise.resolve({ revision: 1, ...checkpointOf(1, snapshot) }),
    });
    return new DurableFold({
      ...{ start, partition, partitions: 3, epoch: new LogEpoch(), yieldTurn: async () => undefined },
      ...{ events, checkpoints, history: fakeOf<History>('History', {}) },
    }).restore();
  });
  await Promise.all(restored);
  expect(opened.toSorted(([a], [b]) => a - b)).toEqual([
    [0, 30, 10],
    [1, 10, 10],
    [2, 20, 10],
  ]);
});
