// The query behind profiles. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Profiles } from '../../src/counts/profiles.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { occupancyAfterReset } from '../../src/domain/segment.ts';
import type { Stretch } from '../../src/domain/time-at-counts.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { Random } from '../simulation/random.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { SpaceOracle } from '../support/oracle.ts';
import { changesIn, profileOf } from '../support/profile-oracle.ts';
import { profileTerms } from '../support/profile-terms.ts';
import { spaceCalled } from '../support/space-called.ts';
import { describePorts } from './ports.ts';

const P1 = 1 as Partition;

function row(
  spaceId: SpaceId,
  timestampMs: number,
  people: readonly [number, number],
  more: Partial<{ dpuId: string; sign: 1 | -1; name: string }> = {},
): LoggedEvent {
  const { dpuId = 'd1', sign = 1, name } = more;
  const fields = { spaceId, dpuId: dpuId as DpuId, doorwayId: 1 as DoorwayId, timestampMs, sign };
  return intervalEvent({ ...fields, ...(name === undefined ? {} : { name }) }, people);
}

describePorts('profiles', (ports) => {
  it('P1 T23 measures how long each count lasts in each cell, up to a block', async () => {
    const { history } = ports();
    const space = 81 as SpaceId;
    await history.storeBlock(
      blockOf(0, P1, 110, [
        row(space, 1_000, [3, 0]),
        // Only the last event of a millisecond leaves a count that lasts, and nobody can leave an empty space.
        row(space, 1_010, [0, 9], { dpuId: 'a' }),
        row(space, 1_010, [2, 0], { dpuId: 'b' }),
        row(space, 1_040, [1, 0]),
        row(space, 1_060, [5, 0]),
      ]),
    );
    await history.storeBlock(blockOf(0, P1, 111, [row(space, 1_040, [1, 0], { sign: -1 })]));
    const ask = async (block: number, ...stretches: Stretch[]): Promise<string[]> => {
      const sums = new Map<string, number>();
      for (const { cell, count, ms } of await history.timeAtCounts({ spaceId: space, block, stretches }))
        sums.set(`${cell}: ${count}`, (sums.get(`${cell}: ${count}`) ?? 0) + ms);
      return [...sums].map(([name, ms]) => `${name} for ${ms}`).sort();
    };
    const first = { afterMs: 989, upToMs: 1_019, fromMs: 990, toMs: 1_020, start: occupancyAfterReset(1), cell: 5 };
    const second = { afterMs: 1_019, upToMs: 1_049, fromMs: 1_020, toMs: 1_050, cell: 7 };
    const carried = { net: -3, lowestNet: -5 };
    expect(await ask(110, first)).toEqual(['5: 1 for 10', '5: 2 for 10', '5: 4 for 10']);
    expect(await ask(110, { ...second, start: carried })).toEqual(['7: 2 for 20', '7: 3 for 10']);
    expect(await ask(111, first, { ...second, start: carried })).toEqual([
      '5: 1 for 10',
      '5: 2 for 10',
      '5: 4 for 10',
      '7: 2 for 30',
    ]);
    expect(await ask(109, first)).toEqual(['5: 1 for 30']);
    // With a reset at the end, no event in its millisecond leaves a count that lasts.
    expect(await ask(110, { ...first, upToMs: 1_010, toMs: 1_010 })).toEqual(['5: 1 for 10', '5: 4 for 10']);
    // Two consecutive stretches with the same cell.
    expect(await ask(110, first, { ...second, start: carried, cell: 5 })).toEqual([
      '5: 1 for 10',
      '5: 2 for 30',
      '5: 3 for 10',
      '5: 4 for 10',
    ]);
    expect(await ask(110)).toEqual([]);
  });

  it('P1 T23 a profile is that of the events, of which some are moved, retracted, or not stored yet', async () => {
    const { history } = ports();
    const space = 82 as SpaceId;
    const random = new Random(11);
    const startMs = Date.UTC(2025, 2, 30, 0, 50);
    const rows = Array.from({ length: 300 }, (_, n) =>
      row(space, startMs + random.int(0, 600) * random.pick([1, 3_000]), [random.int(0, 2), random.int(0, 2)], {
        dpuId: random.pick(['a', 'b']),
        name: String(n),
      }),
    );
    const retracted = rows.filter((_, n) => n % 5 === 0).map((event): LoggedEvent => ({ ...event, sign: -1 }));
    const parts = [rows.slice(0, 150), [...rows.slice(150, 290), ...retracted.slice(0, 30)]];
    for (const [n, part] of parts.entries()) await history.storeBlock(blockOf(0, P1, 120 + n, part));
    const schedule = { timeZone: 'Europe/Berlin', dailyReset: '03:00', dailyResetCount: 2 };
    const topology = new TopologyHistory();
    topology.apply({ seq: 1, fact: { kind: 'space', doc: { ...spaceCalled('hall', space), ...schedule } } });
    const manual = [startMs + 300, startMs + 599_999].map((timestampMs, n) => ({
      id: n + 1,
      timestampMs,
      count: n,
      recordedMs: 5 + n,
    }));
    manual.forEach((reset, n) =>
      topology.apply({
        seq: 2 + n,
        fact: { kind: 'reset', doc: { spaceId: space, updatedMs: 9, deleted: false, ...reset } },
      }),
    );
    const latestMs = Math.max(...rows.map(({ timestampMs }) => timestampMs));
    const oracle = new SpaceOracle(
      rows.filter((_, n) => n % 5 > 0),
      { ...schedule, manual },
    );
    // All unstored events are among the newest, or spread over everything.
    const unstored = [...rows.slice(290), ...retracted.slice(30)];
    const report = fakeOf<KnownReport>('report', { spaceId: space, storedBlock: 121, unstored, watermarkMs: latestMs });
    const profiles = new Profiles(topology, { isCutOff: false, report: async () => report }, history);
    for (const [fromMs, toMs] of [
      [startMs - 7_200_000, latestMs + 7_200_000],
      [startMs, startMs + 301],
      [startMs + 300, startMs + 600_000],
      [startMs + 100, startMs + 900_000],
    ] as const)
      expect(profileTerms(await profiles.between(space, fromMs, toMs))).toEqual(profileOf(oracle, fromMs, toMs));
  });

  it('P1 T23 a year by the hour takes several queries, and is complete', async () => {
    const { history } = ports();
    const space = 83 as SpaceId;
    const startMs = Date.UTC(2026, 0, 1);
    const rows = Array.from({ length: 400 }, (_, n) =>
      row(space, startMs + n * 21 * 3_600_000 + n, n % 2 === 0 ? [n % 7, 0] : [0, n % 5]),
    );
    await history.storeBlock(blockOf(0, P1, 130, rows));
    const topology = new TopologyHistory();
    topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', space) } });
    const report = fakeOf<KnownReport>('report', { spaceId: space, storedBlock: 130, unstored: [], watermarkMs: 0 });
    const profiles = new Profiles(topology, { isCutOff: false, report: async () => report }, history);
    const oracle = new SpaceOracle(rows, { timeZone: 'UTC', dailyReset: null, dailyResetCount: 0, manual: [] });
    const changes = changesIn(oracle, startMs, Date.UTC(2027, 0, 1));
    expect(changes).toHaveLength(400);
    const found = await profiles.between(space, startMs, Date.UTC(2027, 0, 1));
    expect(found.hours).toHaveLength(168);
    const times = new Map<number, number>();
    const instants = [startMs, ...changes, Date.UTC(2027, 0, 1)];
    for (const [n, atMs] of instants.slice(0, -1).entries()) {
      const { count } = oracle.at(atMs);
      times.set(count, (times.get(count) ?? 0) + (instants[n + 1] ?? atMs) - atMs);
    }
    const ascending = (some: ReadonlyMap<number, number>): object =>
      [...some].filter(([, ms]) => ms > 0).sort(([a], [b]) => a - b);
    expect(ascending(found.times)).toEqual(ascending(times));
  });
});
