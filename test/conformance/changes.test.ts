// What has been asserted and retracted since a place, by cause. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf, type Block } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import type { ChangesQuery } from '../../src/ports/history.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { describePorts } from './ports.ts';

const P0 = 0 as Partition;
const SPACE = 63 as SpaceId;

const row = (
  seq: number,
  timestampMs: number,
  passed: [entrances: number, exits: number],
  {
    dpu = 'a',
    doorway = 1,
    sign = 1,
    space = SPACE,
  }: { dpu?: string; doorway?: number; sign?: 1 | -1; space?: SpaceId } = {},
): LoggedEvent => ({
  ...intervalEvent({ spaceId: space, dpuId: dpu as DpuId, doorwayId: doorway as DoorwayId, timestampMs, sign }, passed),
  seq,
});
const mark = (seq: number, changes: readonly (readonly [number, string])[] = [], knownAfterSeq = 0) => ({
  ...{ seq, commitId: `c${seq}`, cutMs: seq * 1_000, completeSeq: seq, causes: { knownAfterSeq, changes } },
});

const BLOCKS: readonly Block[] = [
  blockOf(0, P0, 1, [row(3, 1_000, [5, 0]), row(4, 2_000, [0, 2], { dpu: 'b' })], mark(4)),
  blockOf(
    0,
    P0,
    2,
    [
      // Late, and in order.
      row(6, 1_500, [2, 1]),
      row(6, 1_600, [1, 0], { doorway: 2 }),
      row(6, 5_000, [4, 3]),
      row(7, 5_500, [1, 1], { dpu: 'b', doorway: 2 }),
      // A move, and one whose entries are not known.
      row(8, 1_000, [5, 0], { sign: -1 }),
      row(8, 1_000, [0, 5], { doorway: 2 }),
      row(9, 2_000, [0, 2], { dpu: 'b', sign: -1 }),
      row(9, 900, [7, 0], { space: 64 as SpaceId }),
    ],
    mark(9, [
      [8, '12-15'],
      [9, 'change'],
    ]),
  ),
  // Cut by a process that continued from a checkpoint of an earlier version.
  blockOf(0, P0, 3, [row(5, 2_100, [1, 0]), row(11, 2_200, [1, 0])], mark(11, [], 10)),
  blockOf(0, P0, 4, [row(12, 2_300, [1, 0])], { seq: 12, commitId: 'c12' }),
  // A repair.
  blockOf(1, P0, 5, [row(0, 2_400, [0, 1])]),
];

describePorts('what has changed', (ports) => {
  const totals = async (more: Partial<ChangesQuery> = {}): Promise<unknown[]> => {
    const query: ChangesQuery = {
      spaceId: SPACE,
      block: 2,
      since: { epoch: 0, seq: 4 },
      ...{ fromMs: 0, toMs: 10_000, netAfterMs: -1, watermarkMs: 4_000, limit: 100 },
      ...more,
    };
    const found = await ports().history.changesSince(query);
    return found
      .map(({ cause, isLate, doorwayId, dpuId, entrances, exits, net, asserted, retracted, firstMs, lastMs }) =>
        [cause, isLate, doorwayId, dpuId, entrances, exits, net, asserted, retracted, firstMs, lastMs].join(' '),
      )
      .sort();
  };

  it('P1 T27 is summed up by cause, doorway and DPU, and what came in order together', async () => {
    for (const block of BLOCKS) await ports().history.storeBlock(block);
    expect(await totals()).toEqual([
      ' false   5 4 1 2 0 5000 5500',
      ' true 1 a 2 1 1 1 0 1500 1500',
      ' true 2 a 1 0 1 1 0 1600 1600',
      '12-15 false 1 a -5 0 -5 0 1 1000 1000',
      '12-15 false 2 a 0 5 -5 1 0 1000 1000',
      'change false 1 b 0 -2 2 0 1 2000 2000',
    ]);
  });

  it('P1 T27 has entrances and exits from the start of the span, and net since a reset, up to its end', async () => {
    expect(await totals({ fromMs: 1_600, netAfterMs: 1_200, toMs: 5_500 })).toEqual([
      ' false   4 3 1 1 0 5000 5000',
      ' true 1 a 0 0 1 1 0 1500 1500',
      ' true 2 a 1 0 1 1 0 1600 1600',
      'change false 1 b 0 -2 2 0 1 2000 2000',
    ]);
    expect(await totals({ fromMs: 1_000, netAfterMs: 5_000, toMs: 1_500 })).toEqual([
      '12-15 false 1 a -5 0 0 0 1 1000 1000',
      '12-15 false 2 a 0 5 0 1 0 1000 1000',
    ]);
  });

  it('P1 T27 begins after a place, of this epoch or an earlier one', async () => {
    expect(await totals({ since: { epoch: 0, seq: 8 } })).toEqual(['change false 1 b 0 -2 2 0 1 2000 2000']);
    expect(await totals({ since: { epoch: 1, seq: 0 }, block: 9 })).toEqual([]);
    expect(await totals({ since: { epoch: 0, seq: 9 }, block: 9 })).toEqual([
      ' true 1 a 1 0 1 1 0 2200 2200',
      'repair false 1 a 0 1 -1 1 0 2400 2400',
      'unknown false 1 a 1 0 1 1 0 2300 2300',
    ]);
    expect(
      await totals({ since: { epoch: 0, seq: 4 }, block: 3, fromMs: 2_050, netAfterMs: 2_050, toMs: 2_150 }),
    ).toEqual(['unknown false 1 a 1 0 1 1 0 2100 2100']);
  });

  it('P1 T27 sums up the smallest groups if there are too many', async () => {
    expect(await totals({ limit: 2 })).toEqual([
      ' false   5 4 1 2 0 5000 5500',
      '12-15 false 1 a -5 0 -5 0 1 1000 1000',
      'others false   3 4 -1 3 1 1000 2000',
    ]);
    expect(await totals({ limit: 0 })).toEqual(['others false   3 8 -5 5 2 1000 5500']);
  });
});
