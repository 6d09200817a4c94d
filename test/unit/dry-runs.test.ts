// What a dry run refuses: too much at once, and counts that are about to change.
import { describe, expect, it } from 'vitest';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { DryRuns, type DryRunsDeps } from '../../src/counts/dry-runs.ts';
import { effectOnSpace } from '../../src/counts/effect-on-space.ts';
import type { CommitHeader } from '../../src/domain/commit.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import { formatPlace, parsePlace, placeIn } from '../../src/domain/topology-place.ts';
import type { SingleFact } from '../../src/domain/topology.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { History } from '../../src/ports/history.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { spaceCalled } from '../support/space-called.ts';

const SPACE = 1 as SpaceId;
const HALL: SingleFact = { kind: 'space', doc: spaceCalled('hall', SPACE) };
const RESET: SingleFact = {
  kind: 'reset',
  doc: { id: 1, spaceId: SPACE, timestampMs: 5, count: 1, recordedMs: 9, updatedMs: 9, deleted: false },
};

function dryRuns(more: Partial<DryRunsDeps>, topologySeq = 1): { runs: DryRuns; history: TopologyHistory } {
  const history = new TopologyHistory();
  history.apply({ seq: 1, fact: HALL });
  const header = fakeOf<CommitHeader>('header', { topologySeq, reattribution: null });
  return {
    history,
    runs: new DryRuns({
      topology: { history, catchUp: async () => undefined, readEnd: async () => history.seq },
      partitions: 1,
      events: { lastCommit: async () => ({ seq: 3, header }) },
      reports: { isCutOff: false, report: async () => Promise.reject(new Error('no report is needed')) },
      history: fakeOf<History>('History', {}),
      timing: { pause: async () => undefined },
      now: () => 10,
      ...more,
    }),
  };
}

describe('T22 a dry run', () => {
  it('waits until the routers have followed the topology, and says so if they do not', async () => {
    const { runs } = dryRuns({}, 0);
    await expect(runs.of(() => [RESET])).rejects.toMatchObject({
      ...{ kind: 'unavailable', retryAfterSeconds: 1 },
      message: 'an earlier change of the topology is still being applied',
    });
  });

  it('is computed again when the topology changes meanwhile, and not for ever', async () => {
    let asked = 0;
    const history = new TopologyHistory();
    history.apply({ seq: 1, fact: HALL });
    const { runs } = dryRuns({ topology: { history, catchUp: async () => undefined, readEnd: async () => 2 } });
    const decide = (): SingleFact[] => {
      asked += 1;
      return [];
    };
    await expect(runs.of(decide)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked).toBe(5);
  });

  it('names the limit that it exceeds, and changes nothing in the history', async () => {
    const { runs, history } = dryRuns({});
    const dpus = Array.from({ length: 2_001 }, (_, n): SingleFact => ({
      kind: 'dpu',
      doc: {
        ...{ id: `d${n}` as DpuId, placements: [{ doorwayId: 1 as DoorwayId, fromMs: 0 }] },
        ...{ createdMs: 0, updatedMs: 0, deleted: false },
      },
    }));
    await expect(runs.of(() => dpus)).rejects.toMatchObject({
      ...{ kind: 'invalid', field: 'dry_run' },
      message: 'the change is about more than 2,000 sensors, and a dry run looks at no more',
    });
    await expect(runs.of(() => Array<SingleFact>(20_001).fill(HALL))).rejects.toThrow('more than 20,000 entries');
    expect(history.seq).toBe(1);
    expect(history.latest().dpus()).toEqual([]);
  });

  it('is refused if it would have to count too many rows of a space', async () => {
    const schedule = { timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, manual: [] };
    const fields = {
      spaceId: SPACE,
      dpuId: 'd' as DpuId,
      doorwayId: 1 as DoorwayId,
      timestampMs: 5,
      sign: -1,
    } as const;
    const report = fakeOf<KnownReport>('report', { spaceId: SPACE, storedBlock: 1, watermarkMs: 9, isStale: false });
    const space = { report, nowMs: 10, before: schedule, after: schedule, events: [intervalEvent(fields, [1, 0])] };
    const history = fakeOf<History>('History', { rowCount: async () => 200_001 });
    await expect(effectOnSpace(space, history)).rejects.toMatchObject({
      ...{ kind: 'invalid', field: 'dry_run' },
      message: expect.stringContaining('space 1 has more than 200,000 events') as string,
    });
  });

  it('is about a place in the log that text can name', () => {
    const { history } = dryRuns({});
    const place = placeIn(history);
    expect(parsePlace(formatPlace(place))).toEqual(place);
    for (const text of ['', 'topology-1', 'topology-1-', '"x"', 'topology--1-a', 'topology-1-a-b-c'])
      expect(parsePlace(text)).toBeUndefined();
  });
});
