// The newest reading of a DPU, and the newest instants of a space at which readings stand. One suite for both implementations.
import { expect, it } from 'vitest';
import { blockOf } from '../../actors/partition/block.ts';
import type { DoorwayId, DpuId, Partition, SpaceId } from '../../src/domain/ids.ts';
import { loggedEvent } from '../../src/domain/log-entry.ts';
import { personEvent } from '../support/person-event.ts';
import { describePorts } from './ports.ts';

const WEEK_MS = 7 * 86_400_000;
const [SPACE, SHARD] = [45 as SpaceId, 3 as Partition];

describePorts('history', (ports) => {
  it('P1 T17 the newest instants are found a week and longer before the one that is asked for', async () => {
    const { history } = ports();
    const place = { spaceId: SPACE, dpuId: 'd1' as DpuId, doorwayId: 1 as DoorwayId, sign: 1 as const, primary: true };
    const events = [1_000, 40_000].map((timestampMs, n) =>
      loggedEvent(personEvent({ ...place, timestampMs }, 1), n + 1),
    );
    await history.storeBlock(blockOf(0, SHARD, 1, events, { seq: 2, commitId: 'some', cutMs: 1, completeSeq: 2 }));
    const newest = async (upToMs: number, expectedMs?: number, afterMs = -1): Promise<number[]> => {
      const query = { spaceId: SPACE, block: 1, afterMs, upToMs, limit: 10 };
      const found = await history.newestInstants(expectedMs === undefined ? query : { ...query, expectedMs });
      return found.map(({ timestampMs }) => timestampMs);
    };
    for (const toMs of [999, 1_000, 20_000, 50 * WEEK_MS]) {
      expect(await newest(WEEK_MS + toMs)).toEqual([40_000, 1_000]);
      expect(await newest(90 * WEEK_MS, WEEK_MS + toMs)).toEqual([40_000, 1_000]);
      expect(await newest(30_000, WEEK_MS + toMs)).toEqual([1_000]);
    }
    expect(await newest(WEEK_MS, -1)).toEqual([40_000, 1_000]);
    expect(await newest(WEEK_MS + 2_000, undefined, 1_000)).toEqual([40_000]);
  });

  it('D1 the newest reading of a DPU is found, whether it is of today or of long ago', async () => {
    const { history } = ports();
    const tomorrowMs = Date.now() + 86_400_000;
    const times: [dpu: string, timestampsMs: number[]][] = [
      ['daily', [600, tomorrowMs - 86_400_002, tomorrowMs - 86_400_003]],
      ['silent', [800, 700]],
      ['ahead', [tomorrowMs, 900]],
    ];
    const place = { spaceId: SPACE, doorwayId: 1 as DoorwayId, sign: 1 as const, primary: true };
    const events = times.flatMap(([dpuId, timestampsMs]) =>
      timestampsMs.map((timestampMs) =>
        loggedEvent(personEvent({ ...place, dpuId: dpuId as DpuId, timestampMs }, 1), 1),
      ),
    );
    await history.storeBlock(blockOf(0, SHARD, 2, events));
    const dpuIds = ['nobody', ...times.map(([dpuId]) => dpuId)] as DpuId[];
    expect(await history.newestReadings(dpuIds)).toEqual(
      new Map([
        ['daily', tomorrowMs - 86_400_002],
        ['silent', 800],
        ['ahead', tomorrowMs],
      ]),
    );
  });
});
