// The reads and writes of a repair of the logs. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import { DELETED_DOORWAY, type DoorwayId, type DpuId, type Partition, type SpaceId } from '../../src/domain/ids.ts';
import { EpochChanged } from '../../src/domain/log-epoch.ts';
import { isMarked, markOf } from '../../src/domain/log-mark.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { partitionOfDpu } from '../../src/domain/partition.ts';
import { identityOf } from '../../src/domain/reading.ts';
import type { TopologyFact } from '../../src/domain/topology.ts';
import { commitHeader } from '../support/commit-header.ts';
import { readNext } from '../support/read-log.ts';
import { describePorts, PARTITIONS } from './ports.ts';
import { personEvent } from '../support/person-event.ts';
import { spaceCalled } from '../support/space-called.ts';
import { personMeasure } from '../../src/domain/measure.ts';

const [P0, P1] = [0 as Partition, 1 as Partition];
const T = Date.UTC(2026, 2, 1);
const DAY = 86_400_000;

function row(
  spaceId: number,
  timestampMs: number,
  more: Partial<{ dpuId: string; sign: 1 | -1; doorwayId: number; primary: boolean; delta: 1 | -1 }> = {},
): LoggedEvent {
  const { dpuId = 'd1', sign = 1, doorwayId = 1, primary = true, delta = 1 } = more;
  return loggedEvent(
    personEvent(
      {
        spaceId: spaceId as SpaceId,
        dpuId: dpuId as DpuId,
        doorwayId: doorwayId as DoorwayId,
        timestampMs,
        sign,
        primary,
      },
      delta,
      1,
    ),
    1,
  );
}

describePorts('recovery', (ports) => {
  it('P1 every part of a block records where the block was cut', async () => {
    const { history, recovery } = ports();
    // Of two months, so that it has two parts, and of several days in each.
    const rows = [row(1, T - 40 * DAY), row(1, T - 39 * DAY), row(1, T), row(1, T + 1), row(1, T + DAY)];
    expect(await history.lastBlockMark(P0)).toBeUndefined();
    await history.storeBlock(blockOf(0, P0, 1, rows, { seq: 7, commitId: 'c7' }));
    await history.storeBlock(blockOf(0, P0, 2, [row(1, T + 2)], { seq: 9, commitId: 'c9' }));
    expect(await history.lastBlockMark(P0)).toEqual({ number: 2, epoch: 0, mark: { seq: 9, commitId: 'c9' } });
    expect(await recovery.lastBlocks()).toEqual(
      new Map([[P0, { number: 2, epoch: 0, mark: { seq: 9, commitId: 'c9' } }]]),
    );
    expect((await recovery.blocksFrom(P0, 0, 1)).map(({ number }) => number)).toEqual([1, 2]);
    expect((await recovery.blocksFrom(P0, 0, 8)).map(({ number, mark }) => [number, mark.commitId])).toEqual([
      [2, 'c9'],
    ]);
    expect(await recovery.blocksFrom(P0, 1, 1)).toEqual([]);
  });

  it('P1 readings come in event order, a page at a time, with a row in any space', async () => {
    const { history, recovery } = ports();
    await history.storeBlock(
      blockOf(0, P1, 1, [row(2, T + 10, { dpuId: 'd2', primary: false, delta: -1 }), row(2, T + 5)], {
        seq: 11,
        commitId: 'c11',
      }),
    );
    const first = await recovery.readingsFromBlock(P1, 1, null, 1);
    expect(first.readings.map(identityOf)).toEqual([`d1~${T + 5}~+`]);
    const second = await recovery.readingsFromBlock(P1, 1, first.end, 1);
    expect(second.readings.map(identityOf)).toEqual([`d2~${T + 10}~+`]);
    expect((await recovery.readingsFromBlock(P1, 1, second.end, 1)).readings).toEqual([]);
    expect((await recovery.readingsFromBlock(P1, 2, null, 10)).readings).toEqual([]);
    expect((await recovery.allReadings(null, 100)).readings).toHaveLength(8);
  });

  it('P1 claims are the sums of the signs of identical rows, in every space', async () => {
    const { history, recovery } = ports();
    const reading = { dpuId: 'd3' as DpuId, timestampMs: T + 50, measure: personMeasure(1) };
    await history.storeBlock(
      blockOf(0, P0, 3, [
        row(1, T + 50, { dpuId: 'd3' }),
        row(1, T + 50, { dpuId: 'd3', sign: -1 }),
        row(1, T + 50, { dpuId: 'd3', doorwayId: 4 }),
      ]),
    );
    await history.storeBlock(blockOf(0, P1, 2, [row(2, T + 50, { dpuId: 'd3', primary: false, delta: -1 })]));
    const claims = (await recovery.claimsOf([reading])).map(
      ({ spaceId, doorwayId, entrances, exits, primary, signs }) => [
        spaceId,
        doorwayId,
        entrances - exits,
        primary,
        signs,
      ],
    );
    expect(claims.sort()).toEqual([
      [1, 1, 1, true, 0],
      [1, 4, 1, true, 1],
      [2, 1, -1, false, 1],
    ]);
    expect(await recovery.claimsOf([{ ...reading, timestampMs: T + 51 }])).toEqual([]);
  });

  it('P1 readings are counted by DPU, with held, excluded and deleted ones counted separately', async () => {
    const { history, recovery } = ports();
    await history.storeBlock(
      blockOf(0, P0, 4, [
        row(0, T + 60, { dpuId: 'd4', doorwayId: 0 }),
        row(0, T + 61, { dpuId: 'd4', doorwayId: 0 }),
        row(0, T + 61, { dpuId: 'd4', doorwayId: 0, sign: -1 }),
        row(1, T + 61, { dpuId: 'd4' }),
      ]),
    );
    expect((await recovery.readingCounts()).get('d4' as DpuId)).toEqual({
      readings: 2,
      held: 1,
      excluded: 0,
      deleted: 0,
    });
    await history.storeBlock(
      blockOf(0, P0, 5, [
        row(1, T + 61, { dpuId: 'd4', sign: -1 }),
        row(0, T + 61, { dpuId: 'd4', doorwayId: 7 }),
        row(0, T + 62, { dpuId: 'd4', doorwayId: 7 }),
        row(0, T + 63, { dpuId: 'd4', doorwayId: DELETED_DOORWAY }),
        row(0, T + 64, { dpuId: 'd4', doorwayId: DELETED_DOORWAY }),
        row(0, T + 64, { dpuId: 'd4', doorwayId: DELETED_DOORWAY, sign: -1 }),
      ]),
    );
    const counts = { readings: 5, held: 1, excluded: 2, deleted: 1 };
    expect((await recovery.readingCounts()).get('d4' as DpuId)).toEqual(counts);
  });

  it('P1 the topology is copied once, and the later epoch wins if two entries have the same sequence', async () => {
    const { recovery } = ports();
    const fact = (name: string): TopologyFact => ({ kind: 'space', doc: spaceCalled(name, 1) });
    expect(await recovery.lastCopied()).toBeUndefined();
    const entries = [
      { seq: 1, digest: 11, fact: fact('a') },
      { seq: 2, digest: 4_294_967_295, fact: fact('b"\'\\') },
    ];
    await recovery.copyTopology(entries, 0);
    await recovery.copyTopology(entries, 0);
    expect(await recovery.copiedAfter(0)).toMatchObject(entries);
    await recovery.copyTopology([{ seq: 2, digest: 12, fact: fact('c') }], 1);
    await recovery.copyTopology([{ seq: 2, digest: 4_294_967_295, fact: fact('b') }], 0);
    expect(await recovery.copiedAfter(1)).toMatchObject([{ seq: 2, digest: 12, fact: fact('c') }]);
    expect(await recovery.lastCopied()).toMatchObject({ seq: 2, digest: 12 });
    // The entry that a later epoch copied at 2 replaces everything of the earlier epoch from there on.
    await recovery.copyTopology([{ seq: 3, digest: 13, fact: fact('d') }], 1);
    await recovery.copyTopology([{ seq: 2, digest: 22, fact: fact('e') }], 2);
    expect(await recovery.copiedAfter(0)).toMatchObject([entries[0], { seq: 2, digest: 22, fact: fact('e') }]);
    expect(await recovery.lastCopied()).toMatchObject({ seq: 2, digest: 22 });
    await recovery.copyTopology([{ seq: 3, digest: 23, fact: fact('f') }], 2);
    expect(await recovery.lastCopied()).toMatchObject({ seq: 3, digest: 23 });
  });

  it('P1 READINGS reports the entry at a sequence, and which entries were stored before an instant', async () => {
    const { readings } = ports();
    expect(await readings.bounds()).toMatchObject({ lastSeq: 0 });
    expect(await readings.lastSeqBefore(Date.now())).toBe(0);
    const dpuId = 'x' as DpuId;
    await readings.append(dpuId, new TextEncoder().encode('one'));
    await readings.append(dpuId, new TextEncoder().encode('two'));
    const entries = await readNext(await readings.open(partitionOfDpu(dpuId, PARTITIONS), 0), 2);
    expect(await readings.bounds()).toEqual({ firstSeq: 1, lastSeq: 2 });
    const [one, two] = await Promise.all([readings.at(1), readings.at(2)]);
    expect(one && entries[0] && isMarked(one, markOf(entries[0]))).toBe(true);
    expect(two && entries[0] && isMarked(two, markOf(entries[0]))).toBe(false);
    expect(await readings.at(3)).toBeUndefined();
    expect(await readings.lastSeqBefore((entries[1]?.timeMs ?? 0) + 2)).toBe(2);
    expect(await readings.lastSeqBefore((entries[0]?.timeMs ?? 0) - 1)).toBe(0);
  });

  it('P1 a new epoch of the log has its own subjects for commits', async () => {
    const { events } = ports();
    const first = await events.commit(commitHeader({ router: P0, commitId: 'old' }), new Map(), 0);
    const seq = await events.begin(commitHeader({ router: P0, epoch: 1, commitId: 'new' }));
    expect(first).toEqual({ kind: 'committed', seq: seq - 1 });
    // This reader does not know of the new epoch.
    expect((await events.lastCommit(P0)).header?.commitId).toBe('old');
    expect(await events.commitIdAt(seq)).toBe('new');
    expect(await events.commitIdAt(seq + 1)).toBeUndefined();
    await expect(events.begin(commitHeader({ router: P0, epoch: 1, commitId: 'other' }))).rejects.toThrow();
    expect(await events.bounds()).toMatchObject({ lastSeq: seq });
  });

  it('P1 blocks of an older epoch are refused once a new epoch has begun', async () => {
    const { history, recovery } = ports();
    expect(await recovery.epochs()).toEqual({ begun: 0, done: 0 });
    await recovery.beginEpoch(1, '');
    expect(await recovery.epochs()).toEqual({ begun: 1, done: 0 });
    await expect(history.storeBlock(blockOf(0, P0, 5, [row(1, T + 70)]))).rejects.toThrow(EpochChanged);
    await history.storeBlock(blockOf(1, P0, 5, [row(1, T + 71)]));
    expect((await history.events(1 as SpaceId, T + 69, T + 80, 5)).map(({ timestampMs }) => timestampMs)).toEqual([
      T + 71,
    ]);
    await recovery.finishEpoch(1, '{"epoch":1}');
    expect(await recovery.epochs()).toEqual({ begun: 1, done: 1 });
    await recovery.beginEpoch(2, '');
    await expect(history.storeBlock(blockOf(1, P0, 6, [row(1, T + 72)]))).rejects.toThrow(EpochChanged);
    expect((await recovery.reports(5)).map(({ report }) => report)).toEqual(['{"epoch":1}']);
  });

  it('P1 what repairs record when they begin is kept until one is finished', async () => {
    const { recovery } = ports();
    const { begun } = await recovery.epochs();
    await recovery.finishEpoch(begun, '{}');
    expect(await recovery.begunReports()).toEqual([]);
    await recovery.beginEpoch(begun + 1, '{"n":1}');
    await recovery.beginEpoch(begun + 1, '');
    await recovery.beginEpoch(begun + 2, '{"n":2}');
    expect(await recovery.begunReports()).toEqual(['{"n":1}', '{"n":2}']);
    const { done } = await recovery.epochs();
    expect((await recovery.reports(1)).map(({ epoch }) => epoch)).toEqual([done]);
    await recovery.finishEpoch(begun + 2, '{}');
    expect(await recovery.begunReports()).toEqual([]);
  });
});
