// What holds the watermark of a space back.
import { describe, expect, it } from 'vitest';
import { WatermarkInputs, watermarkOf, type HeldBackBy, type WatermarkInput } from '../../actors/space/watermark.ts';
import type { DpuId, Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS, END_MS } from '../../src/domain/instant.ts';
import { SPACE_SETTINGS } from '../support/lone-space.ts';

const [A, B, OWN] = [1, 2, 0] as Partition[] as [Partition, Partition, Partition];
/** By router; the idle timeout is 100 ms. */
const CLOCKS = [5_000, 1_000, 2_000];

const input = (dpuId: string, router: Partition, fromMs = BEGINNING_MS, toMs = END_MS): WatermarkInput => ({
  dpuId: dpuId as DpuId,
  router,
  fromMs,
  toMs,
});
const newest = (times: Record<string, number>): Map<DpuId, number> =>
  new Map(Object.entries(times) as [DpuId, number][]);
const held = (inputs: WatermarkInput[], times: Record<string, number>): HeldBackBy =>
  new WatermarkInputs(inputs, newest(times)).heldBackBy({ clocks: CLOCKS, partition: OWN, settings: SPACE_SETTINGS });

describe('a watermark', () => {
  it.each([
    ['the DPU with the oldest latest reading', { a: 980, b: 1_950 }, { dpuId: 'a', router: A, clockMs: 980 }],
    ['the first of two that are equal', { a: 950, b: 950 }, { dpuId: 'a', router: A, clockMs: 950 }],
    ['a silent DPU, until the idle timeout', { a: 20 }, { dpuId: 'a', router: A, clockMs: 900 }],
    [
      'a router, where its DPUs are ahead of its clock',
      { a: 1_200, b: 1_990 },
      { dpuId: null, router: A, clockMs: 1_000 },
    ],
  ])('is held back by %s', (_, times, expected) => {
    const found = held([input('a', A), input('b', B)], times);
    expect(found).toEqual(expected);
    expect(watermarkOf(found, SPACE_SETTINGS)).toBe(expected.clockMs - SPACE_SETTINGS.outOfOrdernessMs);
  });

  it('is held back by the router of a DPU that has left or has not arrived', () => {
    expect(held([input('a', A, BEGINNING_MS, 900)], { a: 20 })).toEqual({ dpuId: null, router: A, clockMs: 1_000 });
    expect(held([input('a', A, 1_500)], {})).toEqual({ dpuId: null, router: A, clockMs: 1_000 });
  });

  it('is not held back by a DPU that was there twice, once it has sent something', () => {
    const twice = [input('a', A, BEGINNING_MS, 940), input('a', A, 945)];
    const inputs = new WatermarkInputs(twice);
    inputs.heard('a' as DpuId, 970);
    inputs.heard('a' as DpuId, 960);
    inputs.heard('b' as DpuId, 990);
    expect([...inputs.newestMs()]).toEqual([['a', 970]]);
    expect(inputs.heldBackBy({ clocks: CLOCKS, partition: OWN, settings: SPACE_SETTINGS })).toEqual({
      dpuId: 'a',
      router: A,
      clockMs: 970,
    });
  });

  it("is held back by its own partition's router if the space has no DPU", () => {
    expect(held([], {})).toEqual({ dpuId: null, router: OWN, clockMs: 5_000 });
  });
});
