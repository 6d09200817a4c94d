// A process that has not yet read what another one wrote.
import { beforeEach, expect, test } from 'vitest';
import type { DpuId, DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import type { TopologyEntry } from '../../src/domain/topology.ts';
import { existing } from '../../src/domain/topology-history.ts';
import type { TopologyLog } from '../../src/ports/topology-log.ts';
import { TopologyService } from '../../src/topology/topology-service.ts';

const entries: TopologyEntry[] = [];
let isAway = false;

/** Callers that wait for an entry. */
let waiting: (() => void)[] = [];
const tellAll = (): void => waiting.splice(0).forEach((tell) => tell());

/** A late log delivers nothing to its reader until somebody reads where it ends. */
function logThatTells(isLate: boolean): TopologyLog {
  let isSilent = isLate;
  return {
    open: async () => {
      let at = 0;
      const next = async (): Promise<TopologyEntry[]> => {
        while (isSilent || entries.length === at) await new Promise<void>((resolve) => waiting.push(resolve));
        const some = entries.slice(at);
        at = entries.length;
        return some;
      };
      return { next, close: async () => undefined };
    },
    at: async (seq) => entries.find((entry) => entry.seq === seq)?.fact,
    append: async (fact, expectedSeq) => {
      if (entries.length !== expectedSeq) return undefined;
      entries.push({ seq: expectedSeq + 1, fact });
      queueMicrotask(tellAll);
      return expectedSeq + 1;
    },
    lastSeq: async () => {
      if (isAway) throw new Error('nobody answers');
      isSilent = false;
      queueMicrotask(tellAll);
      return entries.length;
    },
  };
}

function follow(log: TopologyLog): TopologyService {
  const service = new TopologyService(
    log,
    () => 0,
    () => undefined,
  );
  void service.follow();
  return service;
}

beforeEach(async () => {
  entries.length = 0;
  waiting = [];
  isAway = false;
  await follow(logThatTells(false)).execute({
    kind: 'createSpace',
    fields: { name: 'hall', timeZone: 'UTC', dailyReset: null, capacity: null },
  });
});

test('E1 refuses nothing because it has not yet read what another process wrote', async () => {
  const late = follow(logThatTells(true));
  const { doc } = await late.execute({
    kind: 'createDoorway',
    fields: { name: 'door', ingressSpaceId: 1 as SpaceId, egressSpaceId: null },
  });
  expect(doc).toMatchObject({ id: 1, ingressSpaceId: 1 });
});

test('E1 reads again what a command is about to change', async () => {
  const late = follow(logThatTells(true));
  const { doc } = await late.execute({ kind: 'deleteSpace', id: 1 as SpaceId }, (view) =>
    existing(view.space(1 as SpaceId), 'space 1'),
  );
  expect(doc).toMatchObject({ id: 1, deleted: true });
});

test('E1 leaves a DPU where another process has placed it', async () => {
  const [first, late] = [follow(logThatTells(false)), follow(logThatTells(true))];
  for (const name of ['front', 'back'])
    await first.execute({ kind: 'createDoorway', fields: { name, ingressSpaceId: 1 as SpaceId, egressSpaceId: null } });
  await first.execute({ kind: 'createDpu', id: 'd' as DpuId, doorwayId: 1 as DoorwayId });
  await late.catchUp();
  await first.execute({ kind: 'placeDpu', id: 'd' as DpuId, doorwayId: 2 as DoorwayId, effectiveMs: 0 });
  const { doc } = await late.execute({ kind: 'placeDpu', id: 'd' as DpuId, effectiveMs: 5 });
  expect(doc).toMatchObject({
    placements: expect.not.arrayContaining([expect.objectContaining({ fromMs: 5, doorwayId: 1 })]) as unknown,
  });
});

test('E1 refuses what the whole log forbids, and is unavailable if the log cannot be read', async () => {
  const late = follow(logThatTells(true));
  const refused = late.execute({ kind: 'createDpu', id: 'd' as DpuId, doorwayId: 7 as DoorwayId });
  await expect(refused).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('there is no doorway 7') as string,
  });
  isAway = true;
  await expect(late.execute({ kind: 'deleteSpace', id: 9 as SpaceId })).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(late.catchUp()).rejects.toThrow('nobody answers');
});
