// The bounds of floor plans, and what is left in the store.
import { beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import { FloorPlans, IMAGE_BYTES_MAX } from '../../src/http/floor-plans.ts';
import type { FloorPlan } from '../../src/ports/floor-plans.ts';
import { MemoryFloorPlans } from '../support/memory-floor-plans.ts';
import { pngOf } from '../support/images.ts';

const DRAWING = { name: 'Ground floor', spaces: [], doorways: [] };
const always = (): void => undefined;

let nowMs: number;
let store: MemoryFloorPlans;
let plans: FloorPlans;
beforeEach(() => {
  nowMs = 1_000;
  store = new MemoryFloorPlans(() => nowMs);
  plans = new FloorPlans(
    () => store,
    () => nowMs,
  );
});

/** An image of this length: what follows the end of a PNG is not looked at. */
function imageOf(length: number): Uint8Array {
  const image = new Uint8Array(length);
  image.set(pngOf(4, 3));
  return image;
}

describe('floor plans', () => {
  it('are at most twenty', async () => {
    for (let n = 1; n <= 20; n++) await plans.put(`p${n}`, DRAWING, always);
    await expect(plans.put('p21', DRAWING, always)).rejects.toMatchObject({ kind: 'conflict' });
    await plans.put('p20', { ...DRAWING, name: 'Attic' }, always);
    await plans.remove('p1', always);
    await plans.put('p21', DRAWING, always);
  });

  it('have images of ten megabytes in all', async () => {
    for (let n = 1; n <= 6; n++) await plans.put(`p${n}`, DRAWING, always);
    for (let n = 1; n <= 5; n++) await plans.setImage(`p${n}`, imageOf(IMAGE_BYTES_MAX), always);
    await expect(plans.setImage('p6', imageOf(100), always)).rejects.toMatchObject({ kind: 'conflict' });
    // The one that it replaces does not count.
    await plans.setImage('p1', imageOf(IMAGE_BYTES_MAX - 100), always);
    await plans.setImage('p6', imageOf(100), always);
    expect(await store.images()).toHaveLength(6);
  });

  it('keep their limits when many changes come at once, of which ten wait', async () => {
    for (let n = 1; n <= 19; n++) await plans.put(`p${n}`, DRAWING, always);
    const created = await Promise.allSettled(['a', 'b', 'c'].map(async (id) => plans.put(id, DRAWING, always)));
    expect(created.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await plans.list()).toHaveLength(20);

    const uploads = await Promise.allSettled(
      Array.from({ length: 19 }, async (_, n) => plans.setImage(`p${n + 1}`, imageOf(IMAGE_BYTES_MAX), always)),
    );
    const outcomes = uploads.map((each) => (each.status === 'fulfilled' ? 'stored' : (each.reason as Failure).kind));
    expect(outcomes).toEqual([
      ...Array<string>(5).fill('stored'),
      ...Array<string>(6).fill('conflict'),
      ...Array<string>(8).fill('unavailable'),
    ]);
    expect(await store.images()).toHaveLength(5);
    // The queue has room again.
    await plans.put('p1', DRAWING, always);
  });

  it('keep the image when something else is drawn, and lose it with the plan', async () => {
    await plans.put('a', DRAWING, always);
    const { image } = await plans.setImage('a', imageOf(100), always);
    const renamed = await plans.put('a', { ...DRAWING, name: 'Attic' }, always);
    expect(renamed).toMatchObject({ name: 'Attic', image });
    expect((await plans.image('a', () => false)).bytes).toHaveLength(100);
    await plans.remove('a', always);
    expect(await store.images()).toEqual([]);
  });

  it.each([
    [pngOf(10_001, 1), 'invalid'],
    [pngOf(8_000, 5_001), 'invalid'],
  ])('refuse an image that takes too much memory', async (image, kind) => {
    await plans.put('a', DRAWING, always);
    await expect(plans.setImage('a', image, always)).rejects.toMatchObject({ kind });
    expect(await store.images()).toEqual([]);
  });

  it('keep no image of an upload that was refused, and remove those that a crash left behind', async () => {
    await plans.put('a', DRAWING, always);
    let checks = 0;
    const changedAfterUpload = (): void => {
      if (++checks > 1) throw new Failure('changed', 'changed');
    };
    await expect(plans.setImage('a', imageOf(100), changedAfterUpload)).rejects.toMatchObject({ kind: 'changed' });
    expect(await store.images()).toEqual([]);

    await store.addImage('left behind', imageOf(100));
    await plans.setImage('a', imageOf(101), always);
    expect(await store.images()).toHaveLength(2);
    nowMs += 3_600_001;
    await plans.setImage('a', imageOf(102), always);
    expect((await store.images()).map(({ name }) => name)).toEqual([(await plans.get('a')).image?.name]);
  });

  it('keep the image of a plan that was stored although the answer was lost', async () => {
    class LosesAnAnswer extends MemoryFloorPlans {
      override async putPlan(plan: FloorPlan, revision: number): Promise<boolean> {
        const isStored = await super.putPlan(plan, revision);
        if (plan.image) throw new Error('timeout');
        return isStored;
      }
    }
    store = new LosesAnAnswer();
    await plans.put('a', DRAWING, always);
    await expect(plans.setImage('a', imageOf(100), always)).rejects.toThrow('timeout');
    expect((await plans.image('a', () => false)).bytes).toHaveLength(100);
  });

  it('give the new image if it replaces the old one while that is read', async () => {
    await plans.put('a', DRAWING, always);
    const { image } = await plans.setImage('a', imageOf(100), always);
    let isFirst = true;
    class Replaced extends MemoryFloorPlans {
      override async image(name: string): Promise<Uint8Array | undefined> {
        if (isFirst) {
          isFirst = false;
          await plans.setImage('a', imageOf(101), always);
        }
        return super.image(name);
      }
    }
    store = new Replaced();
    await store.putPlan({ id: 'a', ...DRAWING, image, updatedMs: 1 }, 0);
    await store.addImage(image?.name ?? '', imageOf(100));
    const given = await plans.image('a', () => false);
    expect(given.bytes).toHaveLength(101);
    expect(given.image).toEqual((await plans.get('a')).image);
  });

  it('do not read an image that the client has', async () => {
    await plans.put('a', DRAWING, always);
    const { image } = await plans.setImage('a', imageOf(100), always);
    await store.removeImage(image?.name ?? '');
    expect(await plans.image('a', ({ name }) => name === image?.name)).toEqual({ image, bytes: undefined });
    await expect(plans.image('a', () => false)).rejects.toMatchObject({ kind: 'not_found' });
  });

  it('are changed even if the image that they had cannot be removed', async () => {
    class RemovesNothing extends MemoryFloorPlans {
      override async removeImage(): Promise<void> {
        throw new Error('timeout');
      }
    }
    store = new RemovesNothing();
    await plans.put('a', DRAWING, always);
    for (const length of [100, 101]) await plans.setImage('a', imageOf(length), always);
    expect((await plans.image('a', () => false)).bytes).toHaveLength(101);
    await plans.remove('a', always);
    expect(await plans.list()).toEqual([]);
  });

  it('are changed again on the newest state if another change came first', async () => {
    await plans.put('a', DRAWING, always);
    let isFirst = true;
    const drawn = await plans.put('a', { ...DRAWING, name: 'Mine' }, () => {
      if (!isFirst) return;
      isFirst = false;
      // Not awaited: this change is stored before the one that is being decided.
      void store.putPlan({ id: 'a', ...DRAWING, name: 'Theirs', image: null, updatedMs: 5 }, 1);
    });
    expect(drawn.name).toBe('Mine');
    expect((await store.plan('a'))?.revision).toBe(3);
  });
});
