// P1: floor plans are stored alike in memory and on nats-server, where the service has only the permissions of its role.
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoorwayId, SpaceId } from '../../src/domain/ids.ts';
import { serviceCredentials } from '../../src/nats/credentials.ts';
import { FLOOR_PLAN_IMAGES, NatsFloorPlanStore } from '../../src/nats/floor-plan-store.ts';
import { isUnanswered } from '../../src/nats/unanswered.ts';
import type { FloorPlan, FloorPlanStore } from '../../src/ports/floor-plans.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryFloorPlans } from '../support/memory-floor-plans.ts';
import { startSecuredNats } from '../support/secured-nats.ts';
import { storesOf, type OpenedStore } from '../support/stores-on-nats.ts';

const plan = (id: string, name = id): FloorPlan => ({
  id,
  name,
  image: { name: `${id}.1`, type: 'image/png', width: 4, height: 3, bytes: 5 },
  spaces: [
    {
      spaceId: 7 as SpaceId,
      points: [
        { x: 0, y: 0.25 },
        { x: 1, y: 0 },
        { x: 0.5, y: 1 },
      ],
    },
  ],
  doorways: [{ doorwayId: 2 as DoorwayId, x: 0.1, y: 0.2 }],
  updatedMs: 1,
});
/** Longer than a message of NATS may be. */
const LONG = Uint8Array.from({ length: 1_900_000 }, (_, index) => (index * 31) % 251);

const STORES = storesOf<FloorPlanStore>(
  () => new MemoryFloorPlans(),
  (js) => new NatsFloorPlanStore(js, 1),
);

describe.each(STORES)('floor plans %s', (_, open) => {
  let opened: OpenedStore<FloorPlanStore>;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => opened?.close());

  it('begins empty', async () => {
    const { store } = opened;
    expect([await store.plan('a'), await store.plans(), await store.images()]).toEqual([undefined, [], []]);
    expect(await store.image('a')).toBeUndefined();
  });

  it('keeps plans, for all processes, and replaces only the revision that the writer has seen', async () => {
    const { store, other } = opened;
    expect([await store.putPlan(plan('a'), 0), await store.putPlan(plan('b'), 0)]).toEqual([true, true]);
    expect(await other.putPlan(plan('a', 'another'), 0)).toBe(false);
    const seen = await other.plan('a');
    expect(seen?.plan).toEqual(plan('a'));
    expect((await other.plans()).map(({ id }) => id).sort()).toEqual(['a', 'b']);
    const revision = seen?.revision ?? 0;
    expect(await other.putPlan(plan('a', 'renamed'), revision)).toBe(true);
    expect(await store.putPlan(plan('a', 'lost'), revision)).toBe(false);
    expect(await store.removePlan('a', revision)).toBe(false);
    const now = await store.plan('a');
    expect(now?.plan.name).toBe('renamed');
    expect(now?.revision).toBeGreaterThan(revision);
  });

  it('removes plans, whose ids can be used again', async () => {
    const { store, other } = opened;
    expect(await store.removePlan('b', (await store.plan('b'))?.revision ?? 0)).toBe(true);
    await eventually(async () => expect(await other.plan('b')).toBeUndefined());
    expect((await other.plans()).map(({ id }) => id)).toEqual(['a']);
    expect(await other.putPlan(plan('b'), 0)).toBe(true);
    expect((await store.plan('b'))?.plan).toEqual(plan('b'));
  });

  it('keeps images of any length', async () => {
    const { store, other } = opened;
    const before = Date.now();
    await store.addImage('a.1', LONG);
    await store.addImage('b.1', new Uint8Array([1, 2, 3]));
    expect(Buffer.from((await other.image('a.1')) ?? []).equals(LONG)).toBe(true);
    const images = await other.images();
    expect(images.map(({ name }) => name).sort()).toEqual(['a.1', 'b.1']);
    for (const { storedMs } of images) expect(storedMs).toBeGreaterThanOrEqual(before);
    await other.removeImage('a.1');
    await other.removeImage('never there');
    expect(await store.image('a.1')).toBeUndefined();
    expect((await store.images()).map(({ name }) => name)).toEqual(['b.1']);
  });
});

it('reading an image whose bytes do not arrive fails in time, or finds nothing if it was removed meanwhile', async () => {
  const nats = await startSecuredNats();
  const connection = await nats.connect(await serviceCredentials(nats.keyring, 'service'));
  try {
    const store = new NatsFloorPlanStore(jetstream(connection), 1, 500);
    const streams = (await jetstreamManager(connection)).streams;
    const lose = async (): Promise<unknown> =>
      streams.purge(`OBJ_${FLOOR_PLAN_IMAGES}`, { filter: `$O.${FLOOR_PLAN_IMAGES}.C.>` });
    await store.addImage('a.1', LONG);
    await lose();
    const reading = store.image('a.1');
    // The consumer of the bytes is open, so the entry of the image has been read.
    await eventually(async () =>
      expect((await streams.info(`OBJ_${FLOOR_PLAN_IMAGES}`)).state.consumer_count).toBeGreaterThan(0),
    );
    await store.removeImage('a.1');
    expect(await reading).toBeUndefined();

    await store.addImage('a.2', LONG);
    await lose();
    await expect(store.image('a.2')).rejects.toSatisfy(isUnanswered);
    await store.addImage('a.3', LONG);
    expect(Buffer.from((await store.image('a.3')) ?? []).equals(LONG)).toBe(true);
  } finally {
    await connection.close();
    await nats.stop();
  }
});

it('the stream of images has the images that are there, and nothing of those that were', async () => {
  const nats = await startSecuredNats();
  const connection = await nats.connect(await serviceCredentials(nats.keyring, 'service'));
  try {
    const js = jetstream(connection);
    const store = new NatsFloorPlanStore(js, 1);
    const streams = (await jetstreamManager(connection)).streams;
    const state = async () => (await streams.info(`OBJ_${FLOOR_PLAN_IMAGES}`, { subjects_filter: '>' })).state;
    await store.addImage('kept', LONG);
    const kept = await state();
    for (const name of ['a.1', 'a.22', 'a.333', 'plan.~?>']) {
      await store.addImage(name, LONG);
      await store.removeImage(name);
    }
    expect((await state()).subjects).toEqual(kept.subjects);
    expect((await state()).bytes).toBe(kept.bytes);

    // What an earlier version left of a removed image, and an upload that a crash ended.
    const objects = await new Objm(js).open(FLOOR_PLAN_IMAGES);
    await store.addImage('old', new Uint8Array([1, 2, 3]));
    await objects.delete('old');
    await js.publish(`$O.${FLOOR_PLAN_IMAGES}.C.unfinished`, LONG.subarray(0, 1_000));
    const remaining = await state();
    expect(Object.keys(remaining.subjects ?? {})).toHaveLength(Object.keys(kept.subjects ?? {}).length + 2);
    await store.removeRemains(Date.now() - 3_600_000);
    expect((await state()).subjects).toEqual(remaining.subjects);
    await store.removeRemains(Date.now() + 3_600_000);
    expect((await state()).subjects).toEqual(kept.subjects);
    expect(Buffer.from((await store.image('kept')) ?? []).equals(LONG)).toBe(true);
  } finally {
    await connection.close();
    await nats.stop();
  }
});
