// The profile of a space follows from the set of readings alone, for any part of the events stored and the rest in memory, moved,
// retracted, and with resets in between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Profiles } from '../../src/counts/profiles.ts';
import { EMPTY_SEGMENT, append, segmentOf } from '../../src/domain/segment.ts';
import { countQuantile, meanCount, msAbove, totalMs } from '../../src/domain/time-at-counts.ts';
import { eventsOfRows } from '../simulation/engines/events-of-rows.ts';
import { timeAtCounts } from '../simulation/engines/time-at-counts.ts';
import { instant, knownSpace, some, SPACE, START_MS, type Case } from '../support/known-space.ts';
import type { SpaceOracle } from '../support/oracle.ts';
import { profileOf } from '../support/profile-oracle.ts';
import { profileTerms } from '../support/profile-terms.ts';

function profilesOf(given: Case, timeZone: string): { profiles: Profiles; oracle: SpaceOracle } {
  const { topology, report, rows, oracle } = knownSpace(given, timeZone);
  const profiles = new Profiles(
    topology,
    { isCutOff: false, report: async () => report },
    {
      segments: async (_, edgesMs, block) =>
        edgesMs
          .slice(0, -1)
          .map((afterMs, gap) =>
            eventsOfRows(rows, { block, afterMs, upToMs: edgesMs[gap + 1] ?? afterMs }).reduce(
              (run, event) => append(run, segmentOf(event)),
              EMPTY_SEGMENT,
            ),
          ),
      events: async (_, afterMs, upToMs, block) => eventsOfRows(rows, { block, afterMs, upToMs }),
      timeAtCounts: async (query) => timeAtCounts(rows, query),
    },
  );
  return { profiles, oracle };
}

const zone = fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York');
const around = fc.oneof(
  { weight: 3, arbitrary: instant },
  { weight: 1, arbitrary: fc.integer({ min: -3 * 3_600_000, max: 3 * 3_600_000 }).map((ms) => START_MS + ms) },
);

describe('T23 a profile', () => {
  it('T23 has the time at each count, the people and the peak of each hour of the week', async () => {
    await fc.assert(
      fc.asyncProperty(some, around, around, zone, async (given, a, b, timeZone) => {
        const [startMs, endMs] = [Math.min(a, b), Math.max(a, b) + 1];
        const { profiles, oracle } = profilesOf(given, timeZone);
        const found = await profiles.between(SPACE, startMs, endMs);
        expect(profileTerms(found)).toEqual(profileOf(oracle, startMs, endMs));
        expect(found.isFinal).toBe(endMs - 1 <= given.watermarkMs);
        expect(totalMs(found.times)).toBe(endMs - startMs);
        expect(found.peakHourMs).toBeGreaterThanOrEqual(startMs);
        expect(found.peakHourMs).toBeLessThan(endMs);
      }),
      { numRuns: 500 },
    );
  });

  it('T23 when the clocks change, adds the hour that is repeated and leaves out the one that is skipped', async () => {
    const nobody = { passages: [], resets: [], dailyReset: null, watermarkMs: 0 };
    const SUNDAY = 7;
    for (const [timeZone, day, hour, ms] of [
      ['Europe/Berlin', Date.UTC(2025, 2, 29, 12), 2, 0],
      ['Europe/Berlin', Date.UTC(2025, 9, 25, 12), 2, 7_200_000],
      ['Australia/Lord_Howe', Date.UTC(2025, 3, 5, 3), 1, 5_400_000],
      ['Australia/Lord_Howe', Date.UTC(2025, 9, 4, 3), 2, 1_800_000],
    ] as const) {
      const { profiles, oracle } = profilesOf(nobody, timeZone);
      const found = await profiles.between(SPACE, day, day + 86_400_000);
      expect(profileTerms(found)).toEqual(profileOf(oracle, day, day + 86_400_000));
      const changed = found.hours.find((some) => some.weekday === SUNDAY && some.hour === hour);
      expect(changed ? totalMs(changed.times) : 0).toBe(ms);
    }
  });
});

describe('T23 of the time at each count', () => {
  const times = fc
    .uniqueArray(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 50 })), { selector: ([count]) => count, minLength: 1 })
    .map((entries) => new Map(entries));
  const allOf = (some: ReadonlyMap<number, number>): number[] =>
    [...some].flatMap(([count, ms]) => Array.from({ length: ms }, () => count)).sort((a, b) => a - b);

  it('T23 the mean, a quantile and the time above a count are those of its milliseconds, one by one', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 100 }), fc.nat(21), (some, percent, limit) => {
        const all = allOf(some);
        expect(meanCount(some)).toBeCloseTo(all.reduce((sum, count) => sum + count, 0) / all.length);
        expect(countQuantile(some, percent / 100)).toBe(all[Math.ceil((all.length * percent) / 100 - 1e-9) - 1]);
        expect(msAbove(some, limit)).toBe(all.filter((count) => count > limit).length);
      }),
    );
  });
});
