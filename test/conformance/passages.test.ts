// The query behind who passed a doorway or a DPU. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf, type BlockMark } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { intervalEvent } from '../support/interval-event.ts';
import { describePorts } from './ports.ts';

const [P1, P2] = [1 as Partition, 2 as Partition];
const [HALL, OFFICE, ATTIC, CELLAR] = [91, 92, 93, 94] as [SpaceId, SpaceId, SpaceId, SpaceId];
const [LOBBY, STAIRS] = [95, 96] as [SpaceId, SpaceId];
const DOOR = 31 as DoorwayId;
const DPU = 'passed' as DpuId;

type Fields = Partial<Pick<LoggedEvent, 'dpuId' | 'doorwayId' | 'sign' | 'isEgress' | 'primary'>>;

function row(spaceId: SpaceId, timestampMs: number, people: readonly [number, number], more: Fields = {}): LoggedEvent {
  const fields = { spaceId, dpuId: DPU, doorwayId: DOOR, timestampMs, sign: 1, name: String(timestampMs) } as const;
  return { ...intervalEvent(fields, people), ...more };
}

describePorts('passages', (ports) => {
  it('P1 T25 takes each reading once, as its DPU reported it, in each space up to its block', async () => {
    const { history } = ports();
    await history.storeBlock(
      blockOf(0, P1, 140, [
        row(HALL, 1_000, [1, 0]),
        row(HALL, 1_001, [2, 5]),
        row(HALL, 1_010, [7, 0], { dpuId: 'another' as DpuId }),
        row(HALL, 1_020, [9, 9], { doorwayId: 32 as DoorwayId }),
        // The other event of a reading.
        row(OFFICE, 1_001, [5, 2], { isEgress: true, primary: false }),
        // A doorway that leads from a space to the outside.
        row(OFFICE, 1_030, [0, 4], { isEgress: true }),
        row(ATTIC, 1_040, [100, 100]),
      ]),
    );
    await history.storeBlock(blockOf(0, P1, 141, [row(HALL, 1_001, [2, 5], { sign: -1 })]));
    await history.storeBlock(blockOf(0, P2, 150, [row(OFFICE, 1_035, [3, 0])]));
    const edgesMs = [999, 1_000, 1_029, 1_035, 1_100];
    const ask = async (
      source: { doorwayId: DoorwayId } | { dpuId: DpuId },
      ...spaces: [SpaceId, number][]
    ): Promise<number[][]> => {
      const asked = spaces.map(([spaceId, block]) => ({ spaceId, block }));
      const found = await history.passages({ source, spaces: asked, edgesMs });
      return found.map(({ entrances, exits }) => [entrances, exits]);
    };
    const [ofDoorway, ofDpu] = [{ doorwayId: DOOR }, { dpuId: DPU }];
    expect(await ask(ofDoorway, [HALL, 140], [OFFICE, 150])).toEqual([
      [1, 0],
      [9, 5],
      [7, 0],
      [0, 0],
    ]);
    expect(await ask(ofDpu, [HALL, 140], [OFFICE, 150])).toEqual([
      [1, 0],
      [11, 14],
      [7, 0],
      [0, 0],
    ]);
    // Each space has a bound of its own.
    expect(await ask(ofDoorway, [HALL, 141], [OFFICE, 149])).toEqual([
      [1, 0],
      [7, 0],
      [4, 0],
      [0, 0],
    ]);
    expect(await ask(ofDoorway, [HALL, 139], [OFFICE, 140])).toEqual([
      [0, 0],
      [0, 0],
      [4, 0],
      [0, 0],
    ]);
    expect(await ask(ofDoorway, [ATTIC, 140])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [100, 100],
    ]);
    expect(await ask({ doorwayId: 33 as DoorwayId }, [HALL, 140])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('P1 T26 of a place takes what had been asserted and retracted there, in each space up to its block', async () => {
    const { history } = ports();
    const mark = (seq: number): BlockMark => ({ seq, commitId: `c${seq}`, cutMs: 1_000 * seq, completeSeq: seq });
    const logged = (seq: number, ...of: Parameters<typeof row>): LoggedEvent => ({ ...row(...of), seq });
    const first = [logged(3, LOBBY, 1_000, [1, 0]), logged(8, LOBBY, 1_010, [0, 2])];
    await history.storeBlock(blockOf(0, P1, 143, first, mark(8)));
    const second = [logged(9, LOBBY, 1_000, [1, 0], { sign: -1 }), logged(10, LOBBY, 1_020, [4, 0])];
    await history.storeBlock(blockOf(0, P1, 144, second, mark(10)));
    await history.storeBlock(blockOf(0, P2, 153, [logged(9, STAIRS, 1_000, [1, 0])], mark(9)));
    await history.storeBlock(blockOf(1, P2, 154, [logged(2, STAIRS, 1_020, [0, 8])], mark(2)));
    const ask = async (epoch: number, seq: number, block = 144): Promise<number[]> => {
      const spaces = [
        { spaceId: LOBBY, block },
        { spaceId: STAIRS, block: 154 },
      ];
      const asked = { source: { dpuId: DPU }, spaces, upTo: { epoch, seq }, edgesMs: [0, 2_000] };
      return (await history.passages(asked)).flatMap(({ entrances, exits }) => [entrances, exits]);
    };
    expect(await ask(0, 2)).toEqual([0, 0]);
    expect(await ask(0, 7)).toEqual([1, 0]);
    expect(await ask(0, 8)).toEqual([1, 2]);
    // One commit moved the first of them.
    expect(await ask(0, 9)).toEqual([1, 2]);
    expect(await ask(0, 10)).toEqual([5, 2]);
    expect(await ask(1, 1)).toEqual([5, 2]);
    expect(await ask(1, 2)).toEqual([5, 10]);
    expect(await ask(1, 2, 143)).toEqual([2, 10]);
  });

  it('P1 T25 ranges before 1970 and after the last storable instant are empty', async () => {
    const { history } = ports();
    await history.storeBlock(blockOf(0, P1, 142, [row(CELLAR, 5, [1, 0]), row(CELLAR, 10_413_791_999_999, [0, 2])]));
    const edgesMs = [-2, -1, 4, 9, 10_413_791_999_998, 10_413_791_999_999, 20_000_000_000_000, 253_402_300_799_998];
    const spaces = [{ spaceId: CELLAR, block: 142 }];
    const found = await history.passages({ source: { doorwayId: DOOR }, spaces, edgesMs });
    expect(found.map(({ entrances, exits }) => entrances + exits)).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });
});
