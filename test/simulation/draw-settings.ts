// Draws settings of the fold: few rows in a block, and short times.
import type { Settings } from '../../src/domain/topology.ts';
import type { Random } from './random.ts';

const [SECOND, MINUTE] = [1_000, 60_000];

export function drawSettings(random: Random): Settings {
  return {
    outOfOrdernessMs: random.pick([0, SECOND, 20 * SECOND]),
    idleTimeoutMs: random.pick([10 * SECOND, MINUTE, 10 * MINUTE]),
    blockRowsMax: random.pick([1, 4, 30]),
    blockAgeMaxMs: random.pick([0, SECOND, MINUTE]),
    lateBlockAgeMaxMs: random.pick([0, SECOND, MINUTE]),
    repeatedLateBlockAgeMaxMs: MINUTE,
    bufferEventsMax: random.pick([3, 1_000, 1_000]),
  };
}
