// The queries behind explanations. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { KnownReport } from '../../actors/partition/space-report.ts';
import { Explanations } from '../../src/counts/explanations.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { occupancyAfterReset } from '../../src/domain/segment.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import type { ExitsAtZero, ExitsAtZeroQuery, HistoryEvent } from '../../src/ports/history.ts';
import { Random } from '../simulation/random.ts';
import { fakeOf } from '../support/fake-of.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { SpaceOracle } from '../support/oracle.ts';
import { spaceCalled } from '../support/space-called.ts';
import { describePorts } from './ports.ts';

const P1 = 1 as Partition;

function row(
  spaceId: SpaceId,
  timestampMs: number,
  people: readonly [number, number],
  more: Partial<{ dpuId: string; doorwayId: number; sign: 1 | -1; name: string }> = {},
): LoggedEvent {
  const { dpuId = 'd1', doorwayId = 1, sign = 1, name } = more;
  const fields = { spaceId, dpuId: dpuId as DpuId, doorwayId: doorwayId as DoorwayId, timestampMs, sign };
  return intervalEvent({ ...fields, ...(name === undefined ? {} : { name }) }, people);
}

const unstoredOf = ({ timestampMs, readingId, entrances, exits, sign }: LoggedEvent): HistoryEvent => ({
  timestampMs,
  readingId,
  entrances,
  exits,
  sign,
});

describePorts('explanations', (ports) => {
  it('P1 T19 the people of each doorway and DPU, up to a block and within a span', async () => {
    const { history } = ports();
    const space = 71 as SpaceId;
    await history.storeBlock(
      blockOf(0, P1, 70, [
        row(space, 1_000, [2, 1]),
        row(space, 2_000, [0, 4], { dpuId: "o'neill" }),
        row(space, 3_000, [3, 0], { doorwayId: 2 }),
        row(space, 4_000, [1, 1]),
      ]),
    );
    // A move of the first from one doorway to the other.
    await history.storeBlock(
      blockOf(0, P1, 71, [row(space, 1_000, [2, 1], { sign: -1 }), row(space, 1_000, [2, 1], { doorwayId: 2 })]),
    );
    const totals = async (block: number, afterMs: number, upToMs: number): Promise<string[]> =>
      (await history.doorwayTotals({ spaceId: space, block, afterMs, upToMs }))
        .map(({ doorwayId, dpuId, entrances, exits }) => `${doorwayId} ${dpuId} ${entrances} ${exits}`)
        .sort();
    expect(await totals(70, BEGINNING_MS, END_MS)).toEqual(['1 d1 3 2', "1 o'neill 0 4", '2 d1 3 0']);
    expect(await totals(71, BEGINNING_MS, END_MS)).toEqual(['1 d1 1 1', "1 o'neill 0 4", '2 d1 5 1']);
    expect(await totals(71, 1_000, 3_000)).toEqual(["1 o'neill 0 4", '2 d1 3 0']);
    expect(await totals(71, 999, 1_000)).toEqual(['1 d1 0 0', '2 d1 2 1']);
    expect(await totals(71, END_MS - 1, END_MS)).toEqual([]);
    expect(await totals(69, BEGINNING_MS, END_MS)).toEqual([]);
  });

  it('P1 T19 the exits that did not change the count, by instant, with unstored events among the stored', async () => {
    const { history } = ports();
    const space = 72 as SpaceId;
    await history.storeBlock(
      blockOf(0, P1, 80, [
        // By reading id the exits of an instant come before or after its entrances.
        row(space, 1_000, [0, 2], { dpuId: 'a' }),
        row(space, 1_000, [3, 0], { dpuId: 'b' }),
        row(space, 2_000, [2, 0], { dpuId: 'a' }),
        row(space, 2_000, [0, 9], { dpuId: 'b' }),
        row(space, 3_000, [0, 1]),
        row(space, 4_000, [1, 5]),
      ]),
    );
    const ask = async (more: Partial<ExitsAtZeroQuery>): Promise<ExitsAtZero[]> =>
      history.exitsAtZero({
        spaceId: space,
        block: 80,
        edgesMs: [BEGINNING_MS, 5_000],
        starts: [occupancyAfterReset(0)],
        unstored: [],
        limit: 10,
        ...more,
      });
    const at = (timestampMs: number, exits: number): { timestampMs: number; exits: number } => ({ timestampMs, exits });
    expect(await ask({})).toEqual([
      { sum: -11, exits: 11, newest: [at(4_000, 4), at(3_000, 1), at(2_000, 4), at(1_000, 2)] },
    ]);
    expect(await ask({ limit: 2 })).toEqual([{ sum: -11, exits: 11, newest: [at(4_000, 4), at(3_000, 1)] }]);
    // Each gap has its own start, and an event at an edge is in the gap before it.
    const starts = [occupancyAfterReset(1), occupancyAfterReset(0), { net: -2, lowestNet: -4 }];
    expect(await ask({ edgesMs: [1_000, 2_000, 3_000, 4_000], starts })).toEqual([
      { sum: -7, exits: 6, newest: [at(2_000, 6)] },
      { sum: -1, exits: 1, newest: [at(3_000, 1)] },
      { sum: -4, exits: 2, newest: [at(4_000, 2)] },
    ]);
    const unstored = [
      // One more before the others of that instant, one that is not there any more, and one between.
      row(space, 1_000, [1, 0], { dpuId: 'A' }),
      row(space, 3_000, [0, 1], { sign: -1 }),
      row(space, 3_500, [0, 1]),
    ].map(unstoredOf);
    expect(await ask({ unstored })).toEqual([
      { sum: -10, exits: 10, newest: [at(4_000, 4), at(3_500, 1), at(2_000, 4), at(1_000, 1)] },
    ]);
    expect(await ask({ block: 79, unstored: unstored.slice(0, 1) })).toEqual([{ sum: 1, exits: 0, newest: [] }]);
    expect(await ask({ block: 79 })).toEqual([{ sum: 0, exits: 0, newest: [] }]);
    // Nothing is stored after 2299.
    const late = { edgesMs: [4_000, END_MS - 2, END_MS - 1], starts: [occupancyAfterReset(0), occupancyAfterReset(5)] };
    expect(await ask(late)).toEqual([
      { sum: 0, exits: 0, newest: [] },
      { sum: 0, exits: 0, newest: [] },
    ]);
    expect(await ask({ ...late, edgesMs: [END_MS - 3, END_MS - 2, END_MS - 1] })).toHaveLength(2);
  });

  it('P1 T19 an explanation from history and memory is that of the set', async () => {
    const { history } = ports();
    const space = 73 as SpaceId;
    const random = new Random(19);
    const rows = Array.from({ length: 400 }, (_, n) => {
      const [dpuId, doorwayId] = [random.pick(['a', 'b', 'c']), random.int(1, 3)];
      const people = [random.int(0, 2), random.int(0, 3)] as const;
      return row(space, 1_000 + random.int(0, 150), people, { dpuId, doorwayId, name: String(n) });
    });
    const moved = rows.filter((_, n) => n % 5 === 0);
    const parts = [
      rows.slice(0, 200),
      [...rows.slice(200, 390), ...moved.slice(0, 40).map((event): LoggedEvent => ({ ...event, sign: -1 }))],
      // The next ones are in memory.
      [...rows.slice(390), ...moved.slice(40).map((event): LoggedEvent => ({ ...event, sign: -1 }))],
    ];
    for (const [n, part] of parts.entries()) if (n < 2) await history.storeBlock(blockOf(0, P1, 90 + n, part));
    const topology = new TopologyHistory();
    topology.apply({ seq: 1, fact: { kind: 'space', doc: spaceCalled('hall', space) } });
    const manual = [1_040, 1_100].map((timestampMs, n) => ({ id: n + 1, timestampMs, count: n, recordedMs: 5 + n }));
    manual.forEach((reset, n) =>
      topology.apply({
        seq: 2 + n,
        fact: { kind: 'reset', doc: { spaceId: space, updatedMs: 9, deleted: false, ...reset } },
      }),
    );
    const watermarkMs = 2_000;
    const report = fakeOf<KnownReport>('report', {
      spaceId: space,
      storedBlock: 91,
      unstored: parts[2] ?? [],
      watermarkMs,
    });
    const explanations = new Explanations(topology, { isCutOff: false, report: async () => report }, history, 20);
    const oracle = new SpaceOracle(
      rows.filter((event) => !moved.includes(event)),
      {
        ...{ timeZone: 'UTC', dailyReset: null, dailyResetCount: 0 },
        manual: manual.map((reset) => ({ ...reset, setAtMs: 0 })),
      },
    );
    for (const atMs of [999, 1_000, 1_039, 1_040, 1_041, 1_099, 1_120, 1_200])
      expect(await explanations.at(space, atMs)).toMatchObject(oracle.explain(atMs, watermarkMs));
    for (const [fromMs, toMs] of [
      [1_000, 1_041],
      [1_040, 1_100],
      [1_020, 1_160],
    ] as const)
      expect(await explanations.between(space, fromMs, toMs)).toMatchObject(
        oracle.explainInterval(fromMs, toMs, watermarkMs),
      );
    expect((await explanations.at(space, 1_200)).exitsAtZero.length).toBeGreaterThan(5);
  });
});
