// What a shard does while the lease that it is to have is still held by another process.
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Partition } from '../../src/domain/ids.ts';
import type { Checkpoints } from '../../src/ports/checkpoints.ts';
import type { Leases } from '../../src/ports/leases.ts';
import type { LogCursor } from '../../src/ports/log.ts';
import type { SpaceEventsLog } from '../../src/ports/space-events-log.ts';
import { MACHINE_TIMING } from '../../src/runtime/timing.ts';
import { CommonStart } from '../../src/shards/common-start.ts';
import { Shard, type ShardDeps } from '../../src/shards/shard.ts';
import { memoryPorts, PARTITIONS, type MemoryPorts } from '../conformance/ports.ts';
import { commitHeader } from '../support/commit-header.ts';
import { eventually } from '../support/eventually.ts';
import { fakeOf } from '../support/fake-of.ts';

const PARTITION = 0 as Partition;
const TURNS = 50;
const WITHIN_MS = 20_000;
/** More than a copy may be behind the last checkpoint. */
const MANY = 20_000;

/** What waits for it goes on once the test opens it. */
class Gate {
  open: () => void = () => undefined;
  readonly #opened = new Promise<void>((resolve) => (this.open = resolve));
  async passed(): Promise<void> {
    return this.#opened;
  }
}

let ports: MemoryPorts;
let shards: Shard[];

beforeEach(async () => {
  [ports, shards] = [await memoryPorts(), []];
});

afterEach(async () => {
  await Promise.all(shards.map(async (shard) => shard.stop()));
  await ports.close();
});

interface Held {
  readonly shard: Shard;
  readonly lease: { isFree: boolean };
  loads: number;
}

/** A shard that is to be owned by this process, while another one has its lease. */
function heldShard(
  wrapped: { readonly checkpoints?: Partial<Checkpoints>; readonly events?: Partial<SpaceEventsLog> } = {},
): Held {
  const lease = { isFree: false };
  const leases: Partial<Leases> = {
    ttlMs: 60_000,
    take: async () => Promise.resolve(lease.isFree ? 1 : undefined),
    renew: async () => Promise.resolve(2),
    release: async () => Promise.resolve(),
  };
  const { history, epoch } = ports;
  const checkpoints: Checkpoints = {
    load: async (partition) => {
      held.loads += 1;
      return (wrapped.checkpoints?.load ?? ports.checkpoints.load.bind(ports.checkpoints))(partition);
    },
    last: wrapped.checkpoints?.last ?? (async (partition) => ports.checkpoints.last(partition)),
    save: async (...checkpoint) => ports.checkpoints.save(...checkpoint),
  };
  const events = new Proxy(ports.events, {
    get: (target, name): unknown => {
      const own: unknown = Reflect.get(wrapped.events ?? {}, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
  const shard = new Shard(
    fakeOf<ShardDeps>('ShardDeps', {
      fold: {
        ...{ partition: PARTITION, partitions: PARTITIONS, epoch, events, history, checkpoints },
        start: new CommonStart(),
        yieldTurn: async () => Promise.resolve(),
      },
      // Its router fails, and is started again and again.
      router: fakeOf<ShardDeps['router']>('RouterDeps', { partition: PARTITION }),
      hours: { intervalMs: 3_600_000, settledMs: 3_600_000 },
      leases: fakeOf<Leases>('Leases', leases),
      holder: 'this process',
      onState: undefined,
      logs: undefined,
      timing: MACHINE_TIMING,
      log: pino({ level: 'silent' }),
    }),
  );
  const held: Held = { shard, lease, loads: 0 };
  shards.push(shard);
  shard.setGoal('own');
  return held;
}

function grant({ shard, lease }: Held): void {
  lease.isFree = true;
  shard.leaseFreed();
}

let commits = 0;
/** @returns its sequence */
async function commit(): Promise<number> {
  const previousSeq = (await ports.events.lastCommit(PARTITION)).seq;
  const header = commitHeader({ router: PARTITION, commitId: `commit ${++commits}`, previousSeq, clockMs: commits });
  await ports.events.commit(header, new Map(), previousSeq);
  return ports.events.end();
}

const isOwner = async ({ shard }: Held): Promise<void> => eventually(() => expect(shard.isOwner).toBe(true), WITHIN_MS);

/** As the process that had the shard before has left it. */
async function saveCheckpoint(): Promise<void> {
  const former = heldShard();
  grant(former);
  await isOwner(former);
  await former.shard.stop();
}

it('makes a copy, and answers from it as the owner once the lease is granted', async () => {
  await commit();
  await saveCheckpoint();
  const held = heldShard();
  for (const seq of [await commit(), await commit()])
    await eventually(() => expect(held.shard.fold?.seq).toBeGreaterThanOrEqual(seq), WITHIN_MS);
  expect([held.shard.state, held.shard.isOwner]).toEqual(['acquiring', false]);
  const { fold } = held.shard;
  grant(held);
  await isOwner(held);
  expect(held.shard.fold).toBe(fold);
  expect(held.loads).toBe(1);
});

it('L1 does not answer as the owner before the copy has applied what the log held when the lease was granted', async () => {
  const [gate, cursors]: [Gate, number[]] = [new Gate(), []];
  const open: SpaceEventsLog['open'] = async (...place) => {
    const cursor = await ports.events.open(...place);
    const next: LogCursor['next'] = async (entriesMax) => {
      await gate.passed();
      return cursor.next(entriesMax);
    };
    cursors.push(place[1]);
    return Object.assign(Object.create(cursor) as LogCursor, {
      next,
      wake: () => cursor.wake(),
      close: async () => cursor.close(),
    });
  };
  const held = heldShard({ events: { open } });
  await eventually(() => expect(held.shard.fold).toBeDefined(), WITHIN_MS);
  const end = await commit();
  grant(held);
  await eventually(() => expect(held.shard.state).toBe('restoring'), WITHIN_MS);
  for (let turn = 0; turn < TURNS; turn++) await yieldToEventLoop();
  expect([held.shard.state, held.shard.isOwner]).toEqual(['restoring', false]);
  gate.open();
  await isOwner(held);
  expect(held.shard.fold?.seq).toBe(end);
  expect(cursors).toEqual([0]);
});

it('saves its checkpoints also if the former owner saved another one while the copy was reading', async () => {
  const gate = new Gate();
  const held = heldShard({
    checkpoints: {
      load: async (partition) => {
        const loaded = await ports.checkpoints.load(partition);
        await gate.passed();
        return loaded;
      },
    },
  });
  await eventually(() => expect(held.loads).toBe(1), WITHIN_MS);
  await commit();
  await saveCheckpoint();
  grant(held);
  gate.open();
  await isOwner(held);
  const end = await commit();
  await eventually(() => expect(held.shard.fold?.seq).toBe(end), WITHIN_MS);
  await held.shard.stop();
  expect((await ports.checkpoints.last(PARTITION)).mark.seq).toBe(end);
});

it('begins with the last checkpoint if that is far ahead of the copy', async () => {
  await commit();
  await saveCheckpoint();
  for (const [ahead, loads] of [
    [0, 1],
    [MANY, 2],
  ] as const) {
    const held = heldShard({
      checkpoints: {
        last: async (partition) => {
          const last = await ports.checkpoints.last(partition);
          return { ...last, mark: { ...last.mark, seq: last.mark.seq + ahead } };
        },
      },
    });
    await eventually(() => expect(held.shard.fold).toBeDefined(), WITHIN_MS);
    grant(held);
    await isOwner(held);
    expect(held.loads).toBe(loads);
    await held.shard.stop();
  }
});

it('is restored anew if the copy has failed', async () => {
  let loads = 0;
  const held = heldShard({
    checkpoints: {
      load: async (partition) => {
        loads += 1;
        if (loads === 1) throw new Error('the server does not answer');
        return ports.checkpoints.load(partition);
      },
    },
  });
  await eventually(() => expect(loads).toBe(1), WITHIN_MS);
  for (let turn = 0; turn < TURNS; turn++) await yieldToEventLoop();
  expect(held.shard.state).toBe('acquiring');
  grant(held);
  await isOwner(held);
  expect(loads).toBe(2);
});

it('routes as soon as the lease is granted, although the copy is still being read', async () => {
  const gate = new Gate();
  const held = heldShard({
    checkpoints: {
      load: async (partition) => {
        await gate.passed();
        return ports.checkpoints.load(partition);
      },
    },
  });
  await eventually(() => expect(held.loads).toBe(1), WITHIN_MS);
  grant(held);
  await eventually(() => expect(held.shard.restarts.loop).toBeDefined(), WITHIN_MS).finally(gate.open);
  await isOwner(held);
  expect(held.loads).toBe(1);
});
