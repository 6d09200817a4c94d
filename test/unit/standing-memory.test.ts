// Which standings a router knows next to those that it looks at. One that it misses would make a difference too large.
import { expect, test } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { standingMeasure } from '../../src/domain/measure.ts';
import type { Reading } from '../../src/domain/reading.ts';
import type { History } from '../../src/ports/history.ts';
import { StandingMemory } from '../../src/router/standing-memory.ts';

const DPU = 'd1' as DpuId;
const standing = (timestampMs: number, totalEntrances: number): Reading => ({
  dpuId: DPU,
  timestampMs,
  measure: standingMeasure({ totalEntrances, totalExits: 0, counterEpoch: null }),
});
const STORED = [standing(1_000, 1), standing(2_000, 2), standing(3_000, 3)];

/** For each place: the standings at that instant, and at the instants directly before and after it. */
const history: Pick<History, 'standingsAround'> = {
  standingsAround: async (places) =>
    Promise.resolve(
      STORED.filter(({ timestampMs }) =>
        places.some(({ timestampMs: atMs }) => {
          const beforeMs = Math.max(...STORED.map((one) => one.timestampMs).filter((ms) => ms < atMs));
          const afterMs = Math.min(...STORED.map((one) => one.timestampMs).filter((ms) => ms > atMs));
          return [beforeMs, atMs, afterMs].includes(timestampMs);
        }),
      ),
    ),
};

test.each([
  { what: 'a new one', reading: standing(4_000, 4), before: STORED[2], after: undefined },
  { what: 'the newest that is stored', reading: standing(3_000, 3), before: STORED[1], after: undefined },
  { what: 'an older one that is stored', reading: standing(2_000, 2), before: STORED[0], after: STORED[2] },
  { what: 'one that comes late', reading: standing(2_500, 9), before: STORED[1], after: STORED[2] },
])('finds the standings before and after $what', async ({ reading, before, after }) => {
  const around = (await new StandingMemory().around([reading], history)).get(DPU);
  expect([around?.before(reading), around?.after(reading)]).toEqual([before, after]);
});
