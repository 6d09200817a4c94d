// The entry that is named as the cause of a correction is the whole cause.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommitHeader } from '../../src/domain/commit.ts';
import { entryThatCorrected, followedIn } from '../../src/domain/correction-cause.ts';
import type { DpuId, SpaceId } from '../../src/domain/ids.ts';
import { personMeasure } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import { attribute } from '../../src/domain/space-event.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import { TopologyHistory, type TopologyView } from '../../src/domain/topology-history.ts';
import { drawnTopology } from '../support/drawn-topology.ts';
import { fakeOf } from '../support/fake-of.ts';

const SPACES = [1, 2, 3, 4] as SpaceId[];
const START_MS = Date.UTC(2026, 10, 24);
const READINGS = ['d1', 'd2', 'd3', 'd4'].flatMap((dpu, d) =>
  [-3_600_000, -2, -1, 0, 1, 2, 3, 59_999, 60_001, 120_000, 3_600_000, 7_200_000].map((ms, n): Reading => ({
    dpuId: dpu as DpuId,
    timestampMs: START_MS + ms,
    measure: personMeasure((d + n) % 2 === 0 ? 1 : -1),
  })),
);

function viewOf(entries: readonly TopologyEntry[]): TopologyView {
  const history = new TopologyHistory();
  for (const entry of entries) history.apply(entry);
  return history.latest();
}

/** All that counts in a space under a topology. */
const eventsIn = (view: TopologyView, spaceId: SpaceId): string =>
  JSON.stringify(
    READINGS.flatMap((reading) => attribute(view, reading, { entrances: 1, exits: 0 }, 1)).filter(
      (event) => event.spaceId === spaceId,
    ),
  );
const resetsIn = (view: TopologyView, spaceId: SpaceId): string => {
  const { dailyReset = null, dailyResetCount = 0, timeZone } = view.space(spaceId) ?? {};
  return JSON.stringify([view.resets(spaceId), dailyReset, dailyResetCount, timeZone]);
};

describe('E6 the cause of a correction', () => {
  it.each([
    ['move', eventsIn],
    ['reset', resetsIn],
  ] as const)('of a %s is an entry that does by itself all that was done, or is not named', (cause, stateIn) => {
    let named = 0;
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 3 }), (seed, more) => {
        const entries = drawnTopology(seed, 12, () => 'token:ann');
        const history = new TopologyHistory();
        for (const entry of entries) history.apply(entry);
        for (let toSeq = 11; toSeq <= history.seq; toSeq++) {
          const afterSeq = Math.max(0, toSeq - 1 - more);
          const [before, after] = [history.at(afterSeq), history.at(toSeq)];
          for (const spaceId of SPACES) {
            if (stateIn(before, spaceId) === stateIn(after, spaceId)) continue;
            const entry = entryThatCorrected(history, spaceId, cause, { afterSeq, toSeq });
            if (more === 0) expect(entry?.seq).toBe(toSeq);
            if (!entry) continue;
            named += 1;
            const upTo = entries.filter(({ seq }) => seq <= afterSeq);
            const others = entries.filter(({ seq }) => seq <= toSeq && seq !== entry.seq);
            expect(stateIn(viewOf([...upTo, entry]), spaceId)).toBe(stateIn(after, spaceId));
            expect(stateIn(viewOf(others), spaceId)).toBe(stateIn(before, spaceId));
          }
        }
      }),
    );
    expect(named).toBeGreaterThan(50);
  });

  it('is not named before this process has read the entries', () => {
    const history = new TopologyHistory();
    for (const entry of drawnTopology(1, 0, () => undefined).slice(0, 9)) history.apply(entry);
    const followed = { afterSeq: 8, toSeq: 9 };
    expect(entryThatCorrected(history, 3 as SpaceId, 'move', followed)?.seq).toBe(9);
    expect(entryThatCorrected(history, 3 as SpaceId, 'move', { afterSeq: 9, toSeq: 10 })).toBeUndefined();
  });

  it('is among the entries that the router followed since its last commit', () => {
    const header = (topologySeq: number, toSeq: number | null, isMove = true): CommitHeader =>
      fakeOf<CommitHeader>('CommitHeader', {
        isMove,
        topologySeq,
        topologyDigest: toSeq === null ? 36 : null,
        reattribution: toSeq === null ? null : { toSeq, after: { dpuId: 'd' as DpuId, timestampMs: 0, readingId: '' } },
      });
    expect(followedIn(header(5, 7), 5)).toEqual({ afterSeq: 5, toSeq: 7 });
    expect(followedIn(header(7, null), 5)).toEqual({ afterSeq: 5, toSeq: 7, digest: 36 });
    expect(followedIn(header(5, null), 5)).toBeUndefined();
    expect(followedIn(header(7, null), undefined)).toBeUndefined();
    expect(followedIn(header(7, null, false), 5)).toBeUndefined();
  });
});
