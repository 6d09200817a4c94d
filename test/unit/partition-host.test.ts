// What a host sends to ClickHouse after it was suspended, when another process has gone on with its shard.
import { expect, test } from 'vitest';
import { blockOf, NO_MARK } from '../../actors/partition/block.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { encodeCommit } from '../../src/domain/commit-codec.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { Checkpoints } from '../../src/ports/checkpoints.ts';
import type { History } from '../../src/ports/history.ts';
import type { SpaceEventsLog } from '../../src/ports/space-events-log.ts';
import { PartitionHost } from '../../src/shards/partition-host.ts';
import { LogEpoch } from '../../src/domain/log-epoch.ts';
import { checkpointOf } from '../support/checkpoint.ts';
import { commitHeader } from '../support/commit-header.ts';
import { fakeOf } from '../support/fake-of.ts';

const PARTITION = 0 as Partition;

function row(seq: number): LoggedEvent {
  return {
    spaceId: 1 as SpaceId,
    dpuId: 'd' as DpuId,
    doorwayId: 1 as DoorwayId,
    timestampMs: seq,
    direction: 1,
    delta: 1,
    sign: 1,
    primary: true,
    seq,
    readingId: `d~${seq}~+`,
  };
}

/** A host with blocks 1 to 3 in memory, and a history that tells what was sent to it. */
async function hostWithBlocks(): Promise<{ host: PartitionHost; sent: number[]; history: { last: number } }> {
  const fold = new PartitionFold(PARTITION, 1);
  fold.unstored.push(...[1, 2, 3].map((number) => blockOf(0, PARTITION, number, [row(number)])));
  fold.openNumber = 4;
  fold.seq = 3;
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
  const host = new PartitionHost({
    turn: async () => undefined,
    partition: PARTITION,
    partitions: 1,
    epoch: new LogEpoch(),
    events: events as SpaceEventsLog,
    history: tables as History,
    checkpoints: checkpoints as Checkpoints,
  });
  await host.restore();
  return { host, sent, history };
}

test('what others have stored whole while it was suspended is not sent again; the last, which may be there in part, is', async () => {
  const { host, sent, history } = await hostWithBlocks();
  await host.flush();
  history.last = 3;
  host.forgetStored();
  while (await host.flush()) continue;
  expect(sent).toEqual([1, 3]);
});

test('a host that was not suspended asks history once', async () => {
  const { host, sent, history } = await hostWithBlocks();
  await host.flush();
  history.last = 3;
  while (await host.flush()) continue;
  expect(sent).toEqual([1, 2, 3]);
});

test('a standby that takes over says of the log what the owner before has said, though it heard of fewer blocks', async () => {
  const fold = new PartitionFold(PARTITION, 1);
  fold.unstored.push(...[1, 2, 3].map((number) => blockOf(0, PARTITION, number, [row(number)])));
  fold.seq = 3;
  const saved: number[] = [];
  const checkpoints: Checkpoints = {
    load: async () => Promise.resolve({ revision: 1, ...checkpointOf(1, encodeSnapshot(fold)) }),
    // The owner has stored block 2 and saved, since the standby restored.
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
  const host = new PartitionHost({
    turn: async () => undefined,
    partition: PARTITION,
    partitions: 1,
    epoch: new LogEpoch(),
    events: events as SpaceEventsLog,
    history: fakeOf<History>('History', {}),
    checkpoints,
  });
  await host.restore();
  await host.follow();
  await host.promote();
  await host.checkpoint();
  expect(saved).toEqual([3]);
});
