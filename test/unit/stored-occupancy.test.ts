import { describe, expect, it } from 'vitest';
import { decodeReport, encodeReport } from '../../actors/partition/report-codec.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { fromStoredSpace, toStoredSpace } from '../../actors/partition/stored-occupancy.ts';
import { SpaceState, type SpaceSnapshot } from '../../actors/space/space-state.ts';
import type { Partition, SpaceId } from '../../src/domain/ids.ts';

const SPACE = 1 as SpaceId;

describe('the stored form of an occupancy', () => {
  it('keeps the name `low` in checkpoints, which an earlier version may have written', () => {
    const space: SpaceSnapshot = {
      ...new SpaceState(SPACE).snapshot(),
      occupancy: { net: 3, lowestNet: -2 },
      correction: { block: 4, tail: { sum: 5, lowestNet: -1 }, netKnown: true },
    };
    const stored = toStoredSpace(space);
    expect(stored.occupancy).toEqual({ net: 3, low: -2 });
    expect(stored.correction).toEqual({ block: 4, tail: { sum: 5, low: -1 }, netKnown: true });
    expect(fromStoredSpace(stored)).toEqual(space);
    const withoutTail: SpaceSnapshot = { ...space, correction: { block: 4, tail: null, netKnown: false } };
    expect(fromStoredSpace(toStoredSpace(withoutTail))).toEqual(withoutTail);
    expect(fromStoredSpace(toStoredSpace({ ...space, correction: null })).correction).toBeNull();
  });

  it('keeps the name `low` in reports, which a process of another version may read', () => {
    const report = {
      ...reportSpace(new PartitionFold(0 as Partition, 1), SPACE, 0),
      live: { net: 3, lowestNet: -2 },
      isStale: false,
    };
    const text = encodeReport(report);
    expect(JSON.parse(text)).toMatchObject({ live: { net: 3, low: -2 } });
    expect(decodeReport(text)).toEqual(report);
  });
});
