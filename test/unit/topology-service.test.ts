// A process that has not heard yet what another has written.
import { beforeEach, expect, test } from 'vitest';
import type { DpuId, DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import { existing } from '../../src/domain/topology-history.ts';
import type { TopologyLog } from '../../src/ports.ts';
import { TopologyService } from '../../src/topology/topology-service.ts';

const entries: TopologyEntry[] = [];
let isAway = false;

/** Tells the reader of an entry only after somebody asked where the log ends. */
function logThatTellsLate(isLate: boolean): TopologyLog {
  let [told, tell] = [isLate ? Infinity : 0, (): void => undefined];
  return {
    open: async () => {
      let at = 0;
      const next = async (): Promise<TopologyEntry[]> => {
        while (told > 0 || entries.length === at) await new Promise<void>((resolve) => (tell = resolve));
        const some = entries.slice(at);
        at = entries.length;
        return some;
      };
      return { next, close: async () => undefined };
    },
    append: async (fact, expectedSeq) => {
      if (entries.length !== expectedSeq) return undefined;
      entries.push({ seq: expectedSeq + 1, fact });
      queueMicrotask(() => tell());
      return expectedSeq + 1;
    },
    lastSeq: async () => {
      if (isAway) throw new Error('nobody answers');
      told = 0;
      queueMicrotask(() => tell());
      return entries.length;
    },
  };
}

function follow(log: TopologyLog): TopologyService {
  const service = new TopologyService(log, () => 0, () => undefined);
  void service.follow();
  return service;
}

beforeEach(async () => {
  entries.length = 0;
  isAway = false;
  await follow(logThatTellsLate(false)).execute({ kind: 'createSpace', fields: { name: 'hall', timeZone: 'UTC', dailyReset: null, capacity: null } });
});

test('E1 refuses nothing for want of what another process has written', async () => {
  const late = follow(logThatTellsLate(true));
  const { doc } = await late.execute({ kind: 'createDoorway', fields: { name: 'door', ingressSpaceId: 1 as SpaceId, egressSpaceId: null } });
  expect(doc).toMatchObject({ id: 1, ingressSpaceId: 1 });
});

test('E1 looks again at what a command is about to change', async () => {
  const late = follow(logThatTellsLate(true));
  const { doc } = await late.execute({ kind: 'deleteSpace', id: 1 as SpaceId }, (view) => existing(view.space(1 as SpaceId), 'space 1'));
  expect(doc).toMatchObject({ id: 1, deleted: true });
});

test('E1 refuses what the whole log does not allow, and says when nobody can know', async () => {
  const late = follow(logThatTellsLate(true));
  const refused = late.execute({ kind: 'createDpu', id: 'd' as DpuId, doorwayId: 7 as DoorwayId });
  await expect(refused).rejects.toMatchObject({ kind: 'invalid', message: expect.stringContaining('there is no doorway 7') as string });
  isAway = true;
  await expect(late.execute({ kind: 'deleteSpace', id: 9 as SpaceId })).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(late.catchUp()).rejects.toThrow('nobody answers');
});
