// A few hundred seeds of the simulation; `npm run sim -- --seeds 10000` runs as many as you like.
import { describe, expect, it } from 'vitest';
import { Coverage, COVERED_SEEDS } from './coverage.ts';
import { drawScenario } from './draw-scenario.ts';
import { simulate, type Outcome } from './simulate.ts';

const SEEDS = 300;
const SEEDS_PER_TEST = 50;

const outcomes = new Map<number, Outcome>();
const coverage = new Coverage();

/** Each seed is run once, whichever test asks first. */
async function outcomeOf(seed: number): Promise<Outcome> {
  const known = outcomes.get(seed);
  if (known) return known;
  const listen = seed <= COVERED_SEEDS ? (line: string) => coverage.hear(line) : undefined;
  const outcome = await simulate(drawScenario(seed), listen);
  outcomes.set(seed, outcome);
  return outcome;
}

describe('simulation', () => {
  for (let first = 1; first <= SEEDS; first += SEEDS_PER_TEST) {
    it(`S1 N1 D1 R1 E1 L1 seeds ${first} to ${first + SEEDS_PER_TEST - 1} agree with the oracle`, async () => {
      for (let seed = first; seed < first + SEEDS_PER_TEST; seed++) {
        const { objections } = await outcomeOf(seed);
        expect(objections, `to repeat: npm run sim -- --seed ${seed} --trace`).toEqual([]);
      }
    });
  }

  it(`S3 the first ${COVERED_SEEDS} seeds contain every fault and every case`, async () => {
    let finalAnswers = 0;
    for (let seed = 1; seed <= COVERED_SEEDS; seed++) finalAnswers += (await outcomeOf(seed)).finalAnswers;
    expect(coverage.missing).toEqual([]);
    // These are what N1 is checked with.
    expect(finalAnswers).toBeGreaterThan(COVERED_SEEDS / 2);
  });

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
