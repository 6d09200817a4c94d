// Why rows were asserted or retracted, as far as it is known.
import { describe, expect, it } from 'vitest';
import { blockOf, causeOfRow } from '../../actors/partition/block.ts';
import { PartitionFold } from '../../actors/partition/partition-fold.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import { reportSpace } from '../../actors/partition/space-report.ts';
import { causeOf, causesAmong, causeText, followedBy } from '../../src/domain/commit-causes.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { decodedSnapshot } from '../support/decoded-snapshot.ts';
import { logOfOneRouter, ROUTER } from '../support/log-of-one-router.ts';
import { personEvent } from '../support/person-event.ts';

const SPACE = 1 as SpaceId;
const event = (timestampMs: number) =>
  personEvent(
    { spaceId: SPACE, dpuId: 'd' as DpuId, doorwayId: 1 as DoorwayId, timestampMs, sign: 1, primary: true },
    1,
  );

describe('the causes of commits', () => {
  it('T27 are texts that name the entries that were followed', () => {
    expect(followedBy(causeText({ afterSeq: 12, toSeq: 15 }))).toEqual({ afterSeq: 12, toSeq: 15 });
    const digested = { afterSeq: 12, toSeq: 15, digest: 4_294_967_295 };
    expect(followedBy(causeText(digested))).toEqual(digested);
    for (const text of [causeText(undefined), '', '12', '12-', '12-15-', 'repair'])
      expect(followedBy(text)).toBeUndefined();
  });

  it('T27 are known after a sequence, and only those that are asked for are kept', () => {
    const causes = {
      knownAfterSeq: 3,
      changes: [
        [5, '1-2'],
        [7, 'change'],
      ],
    } as const;
    expect([3, 4, 5, 7].map((seq) => causeOf(causes, seq))).toEqual(['unknown', '', '1-2', 'change']);
    expect(causesAmong(causes, [{ seq: 7 }, { seq: 8 }])).toEqual({ knownAfterSeq: 3, changes: [[7, 'change']] });
  });

  it('T27 of a block that an earlier version cut are not known, and a block without a log is of a repair', () => {
    const row = loggedEvent(event(1), 4);
    const cut = { seq: 6, commitId: 'c' };
    expect(causeOfRow(blockOf(0, ROUTER, 1, [row], cut), row)).toBe('unknown');
    expect(causeOfRow(blockOf(0, ROUTER, 1, [row], { ...cut, causes: { knownAfterSeq: 0, changes: [] } }), row)).toBe(
      '',
    );
    expect(causeOfRow(blockOf(0, ROUTER, 1, [row]), row)).toBe('repair');
  });

  it('T27 of what a checkpoint of an earlier version holds are not known, and those of later commits are', () => {
    const log = logOfOneRouter(
      [1, 2, 3].map((n) => ({ events: [event(n * 1_000)], clockMs: n })),
      DEFAULT_SETTINGS,
    );
    const fold = new PartitionFold(ROUTER, 1);
    for (const entry of log.slice(0, 2)) fold.apply(entry);
    const [header = '', ...lines] = encodeSnapshot(fold);
    const { causes, topologySeqs, ...earlier } = JSON.parse(header) as Record<string, unknown>;
    expect([causes, topologySeqs]).toEqual([{ knownAfterSeq: 0, changes: [] }, [0]]);
    const restored = decodedSnapshot(ROUTER, 1, [JSON.stringify(earlier), ...lines]);
    for (const entry of log.slice(2)) restored.apply(entry);
    const { unstored, causes: found } = reportSpace(restored, SPACE, 0);
    expect(unstored.map(({ seq }) => [seq, found && causeOf(found, seq)])).toEqual([
      [1, 'unknown'],
      [2, 'unknown'],
      [3, ''],
    ]);
  });
});
