// A few hundred seeds of the simulation; `npm run sim -- --seeds 10000` runs as many as you like.
import { describe, expect, it } from 'vitest';
import { drawScenario } from './draw-scenario.ts';
import { simulate } from './simulate.ts';

const SEEDS = 300;
const SEEDS_PER_TEST = 50;

describe('simulation', () => {
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST) {
    it(`S1 N1 D1 R1 E1 L1 seeds ${first} to ${first + SEEDS_PER_TEST - 1} agree with the oracle`, async () => {
      for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
        const { objections } = await simulate(drawScenario(seed));
        expect(objections, `to repeat: npm run sim -- --seed ${seed} --trace`).toEqual([]);
      }
    });
  }

  it('S2 gives the same trace for the same seed', async () => {
    for (const seed of [3, 17, 64]) {
      const [once, again] = [await simulate(drawScenario(seed)), await simulate(drawScenario(seed))];
      expect(again.traceHash).toBe(once.traceHash);
      expect(again.steps).toBe(once.steps);
    }
    const [one, other] = [await simulate(drawScenario(1)), await simulate(drawScenario(2))];
    expect(one.traceHash).not.toBe(other.traceHash);
  });
});
