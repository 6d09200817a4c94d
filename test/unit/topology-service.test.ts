// A process that has not yet read what another one wrote.
import { beforeEach, expect, test } from 'vitest';
import type { DpuId, DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import type { Failure } from '../../src/domain/failure.ts';
import type { Space, TopologyEntry } from '../../src/domain/topology.ts';
import type { TopologyCommand } from '../../src/domain/topology-command.ts';
import { existing } from '../../src/domain/topology-history.ts';
import type { TopologyLog } from '../../src/ports/topology-log.ts';
import { TopologyService } from '../../src/topology/topology-service.ts';
import { eventually } from '../support/eventually.ts';

const entries: TopologyEntry[] = [];
let isAway = false;
let appends = 0;

/** Callers that wait for an entry. */
let waiting: (() => void)[] = [];
const tellAll = (): void => waiting.splice(0).forEach((tell) => tell());

/** A late log delivers nothing to its reader until somebody reads where it ends. */
function logThatTells(isLate: boolean): TopologyLog {
  let isSilent = isLate;
  return {
    open: async () => {
      let [at, isClosed] = [0, false];
      const next = async (): Promise<TopologyEntry[]> => {
        while (!isClosed && (isSilent || entries.length === at))
          await new Promise<void>((resolve) => waiting.push(resolve));
        const some = isClosed ? [] : entries.slice(at);
        at = entries.length;
        return some;
      };
      const close = async (): Promise<void> => {
        isClosed = true;
        tellAll();
      };
      return { next, close };
    },
    at: async (seq) => entries.find((entry) => entry.seq === seq)?.fact,
    damageAt: async () => undefined,
    append: async (fact, expectedSeq) => {
      appends += 1;
      if (isAway) throw new Error('nobody answers');
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
  appends = 0;
  await follow(logThatTells(false)).execute(
    {
      kind: 'createSpace',
      fields: { name: 'hall', timeZone: 'UTC', dailyReset: null, capacity: null },
    },
    'loopback',
  );
});

test('E1 refuses nothing because it has not yet read what another process wrote', async () => {
  const late = follow(logThatTells(true));
  const { doc } = await late.execute(
    {
      kind: 'createDoorway',
      fields: { name: 'door', ingressSpaceId: 1 as SpaceId, egressSpaceId: null },
    },
    'loopback',
  );
  expect(doc).toMatchObject({ id: 1, ingressSpaceId: 1 });
});

test('E1 reads again what a command is about to change', async () => {
  const late = follow(logThatTells(true));
  const { doc } = await late.execute({ kind: 'deleteSpace', id: 1 as SpaceId }, 'loopback', (view) =>
    existing(view.space(1 as SpaceId), 'space 1'),
  );
  expect(doc).toMatchObject({ id: 1, deleted: true });
});

test('E1 leaves a DPU where another process has placed it', async () => {
  const [first, late] = [follow(logThatTells(false)), follow(logThatTells(true))];
  for (const name of ['front', 'back'])
    await first.execute(
      { kind: 'createDoorway', fields: { name, ingressSpaceId: 1 as SpaceId, egressSpaceId: null } },
      'loopback',
    );
  await first.execute({ kind: 'createDpu', id: 'd' as DpuId, doorwayId: 1 as DoorwayId }, 'loopback');
  await late.catchUp();
  await first.execute({ kind: 'placeDpu', id: 'd' as DpuId, doorwayId: 2 as DoorwayId, effectiveMs: 0 }, 'loopback');
  const { doc } = await late.execute({ kind: 'placeDpu', id: 'd' as DpuId, effectiveMs: 5 }, 'loopback');
  expect(doc).toMatchObject({
    placements: expect.not.arrayContaining([expect.objectContaining({ fromMs: 5, doorwayId: 1 })]) as unknown,
  });
});

test('E1 refuses what the whole log forbids, and is unavailable if the log cannot be read', async () => {
  const late = follow(logThatTells(true));
  const refused = late.execute({ kind: 'createDpu', id: 'd' as DpuId, doorwayId: 7 as DoorwayId }, 'loopback');
  await expect(refused).rejects.toMatchObject({
    kind: 'invalid',
    message: expect.stringContaining('there is no doorway 7') as string,
  });
  isAway = true;
  await expect(late.execute({ kind: 'deleteSpace', id: 9 as SpaceId }, 'loopback')).rejects.toMatchObject({
    kind: 'unavailable',
  });
  await expect(late.catchUp()).rejects.toThrow('nobody answers');
});

const createSpace = (name: string): TopologyCommand => ({
  kind: 'createSpace',
  fields: { name, timeZone: 'UTC', dailyReset: null, capacity: null },
});

test('E2 executes everything that several processes are asked for at once', async () => {
  const processes = [1, 2, 3].map(() => follow(logThatTells(false)));
  const names = Array.from({ length: 64 }, (_, n) => `space ${n}`);
  const facts = await Promise.all(
    names.map((name, n) => (processes[n % 3] as TopologyService).execute(createSpace(name), 'loopback')),
  );
  expect(facts.map(({ doc }) => (doc as Space).id).sort((a, b) => a - b)).toEqual(names.map((_, n) => n + 2));
});

test('E2 never lets two writes of one process conflict', async () => {
  const service = follow(logThatTells(false));
  await service.catchUp();
  appends = 0;
  await Promise.all(Array.from({ length: 64 }, (_, n) => service.execute(createSpace(`space ${n}`), 'loopback')));
  expect(appends).toBe(64);
});

test('E2 refuses all that wait when the log is unavailable, instead of one after another', async () => {
  const service = follow(logThatTells(false));
  [isAway, appends] = [true, 0];
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map((n) => service.execute(createSpace(`space ${n}`), 'loopback')),
  );
  expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true);
  expect(appends).toBe(1);
  isAway = false;
  await expect(service.execute(createSpace('later'), 'loopback')).resolves.toMatchObject({ kind: 'space' });
});

test('E2 bounds how many writes wait', async () => {
  const service = follow(logThatTells(false));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 2_001 }, () => service.execute({ kind: 'deleteSpace', id: 9 as SpaceId }, 'loopback')),
  );
  const kinds = outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Failure).kind);
  expect(kinds.filter((kind) => kind === 'unavailable')).toHaveLength(1);
  expect(kinds.filter((kind) => kind === 'not_found')).toHaveLength(2_000);
});

test('E2 a write that the log has lost holds up none of those behind it', async () => {
  const log = logThatTells(false);
  let isLost = false;
  const service = follow({
    ...log,
    append: async (fact, expectedSeq) => {
      if (!isLost) return log.append(fact, expectedSeq);
      isLost = false;
      return expectedSeq + 1;
    },
  });
  await service.catchUp();
  isLost = true;
  const lost = service.execute(createSpace('lost'), 'loopback');
  const next = service.execute({ kind: 'deleteSpace', id: 1 as SpaceId }, 'loopback');
  await eventually(() => expect(isLost).toBe(false));
  await service.startOver();
  void service.follow();
  await expect(lost).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(next).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(service.execute(createSpace('again'), 'loopback')).resolves.toMatchObject({ doc: { id: 2 } });
});

test('is not behind a log that has lost the entries which it had not received', async () => {
  let [end, nowMs] = [3, 0];
  const service = new TopologyService(
    { ...logThatTells(false), lastSeq: async () => end },
    () => nowMs,
    () => undefined,
  );
  await service.readEnd();
  nowMs = 5_000;
  expect(service.behindMs).toBe(5_000);
  await service.readEnd();
  expect(service.behindMs).toBe(5_000);
  end = 0;
  await service.readEnd();
  expect(service.behindMs).toBe(0);
});
