// The queries behind dry runs. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { intervalMeasure, personMeasure, standingMeasure } from '../../src/domain/measure.ts';
import type { SpaceEvent } from '../../src/domain/space-event.ts';
import type { ClaimsQuery } from '../../src/ports/history.ts';
import { describePorts } from './ports.ts';

const P1 = 1 as Partition;
const [d1, odd] = ['d1', "o'neill/2"] as [DpuId, DpuId];

function row(spaceId: SpaceId, timestampMs: number, more: Partial<SpaceEvent> = {}): LoggedEvent {
  return loggedEvent(
    {
      ...{ spaceId, timestampMs, dpuId: d1, doorwayId: 1 as DoorwayId, measure: personMeasure(1) },
      ...{ entrances: 1, exits: 0, isEgress: false, sign: 1, primary: true },
      ...more,
    },
    5,
  );
}

describePorts('dry runs', (ports) => {
  it('P1 T22 reads what DPUs claim in a space, in every form, up to a block and within a span', async () => {
    const { history } = ports();
    const space = 81 as SpaceId;
    const person = row(space, 1_000);
    const named = row(space, 2_000, { dpuId: odd, name: 'a.b', measure: personMeasure(-1), entrances: 0, exits: 1 });
    const egress = row(space, 3_000, {
      measure: intervalMeasure({ entrances: 3, exits: 2 }, 2_500),
      ...{ entrances: 2, exits: 3, isEgress: true, primary: false },
    });
    const baseline = row(space, 4_000, {
      measure: standingMeasure({ totalEntrances: 7, totalExits: 9, counterEpoch: 'e-1' }),
      entrances: 0,
    });
    const previous = row(space, 5_000, { name: '77', hasPreviousId: true });
    await history.storeBlock(blockOf(0, P1, 110, [person, named, egress, baseline, previous]));
    const moved = { ...person, sign: -1 } as const;
    const again = row(space, 1_000, { doorwayId: 2 as DoorwayId });
    await history.storeBlock(blockOf(0, P1, 111, [moved, again, row(space, 6_000, { dpuId: 'other' as DpuId })]));
    // A stored retraction whose assertion is in memory.
    await history.storeBlock(blockOf(0, P1, 112, [row(space, 7_000, { sign: -1 })]));
    const ask = async (more: Partial<ClaimsQuery> = {}): Promise<[LoggedEvent, number][]> => {
      const query = { spaceId: space, block: 112, dpuIds: [d1, odd], fromMs: BEGINNING_MS, toMs: END_MS, limit: 100 };
      const claims = await history.claimsOfDpus({ ...query, ...more });
      return claims
        .map(({ event, signs }): [LoggedEvent, number] => [event, signs])
        .sort(([a], [b]) => a.timestampMs - b.timestampMs);
    };
    const asserted = (...events: LoggedEvent[]): [LoggedEvent, number][] =>
      events.map((event) => [{ ...event, seq: 0, sign: 1 }, 1]);
    const all = asserted(again, named, egress, baseline, previous);
    expect(await ask()).toEqual([...all, [{ ...row(space, 7_000), seq: 0 }, -1]]);
    expect(await ask({ block: 111 })).toEqual(all);
    expect(await ask({ block: 110 })).toEqual(asserted(person, named, egress, baseline, previous));
    expect(await ask({ fromMs: 2_000, toMs: 3_000 })).toEqual(asserted(named));
    expect(await ask({ dpuIds: [odd] })).toEqual(asserted(named));
    expect(await ask({ spaceId: 82 as SpaceId })).toEqual([]);
    expect(await ask({ limit: 2 })).toHaveLength(2);
  });

  it('P1 T22 counts the rows of a space, retractions included', async () => {
    const { history } = ports();
    const space = 83 as SpaceId;
    await history.storeBlock(blockOf(0, P1, 113, [row(space, 1_000), row(space, 2_000), row(space, 3_000)]));
    await history.storeBlock(blockOf(0, P1, 114, [row(space, 2_000, { sign: -1 })]));
    const count = async (block: number, afterMs: number, upToMs: number): Promise<number> =>
      history.rowCount({ spaceId: space, block, afterMs, upToMs });
    expect(await count(114, BEGINNING_MS, END_MS)).toBe(4);
    expect(await count(113, BEGINNING_MS, END_MS)).toBe(3);
    expect(await count(114, 1_000, 2_000)).toBe(2);
    expect(await count(114, 3_000, END_MS)).toBe(0);
  });
});
