// The metric of the space that waits the longest, in a building with many spaces.
import { describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { watermarkDelayOf } from '../../src/shards/shard-observation.ts';

const LOG_MS = 10_000_000;
const SPACES = 1_000;

type Fold = Parameters<typeof watermarkDelayOf>[0];

/** Space n is n ms behind the log. */
function foldOf(spaces: number, watermarkOf = (spaceId: SpaceId): number => LOG_MS - spaceId): Fold {
  const buffering = new Set(Array.from({ length: spaces }, (_, n) => (n + 1) as SpaceId));
  return { settings: DEFAULT_SETTINGS, logMs: LOG_MS, clocks: [LOG_MS], buffering, watermarkOf };
}

describe('the delay of the watermarks of a shard', () => {
  it('is that of the space that waits the longest', async () => {
    expect(await watermarkDelayOf(foldOf(SPACES), async () => {})).toBe(SPACES);
    expect(await watermarkDelayOf(foldOf(0), async () => {})).toBe(0);
  });

  it('leaves out spaces that have no watermark yet', async () => {
    const fold = foldOf(3, (spaceId) => (spaceId === 3 ? BEGINNING_MS : LOG_MS - spaceId));
    expect(await watermarkDelayOf(fold, async () => {})).toBe(2);
  });

  it('is found in many turns of the event loop, between which spaces may come and go', async () => {
    const fold = foldOf(SPACES);
    const others = fold.buffering as Set<SpaceId>;
    let turns = 0;
    const delayMs = await watermarkDelayOf(fold, async () => {
      turns += 1;
      // Spaces are added for ever, as in a busy building.
      for (let n = 0; n < SPACES; n += 1) others.add((SPACES * (turns + 1) + n) as SpaceId);
      await Promise.resolve();
    });
    expect(delayMs).toBe(SPACES);
    expect(turns).toBeGreaterThan(SPACES / 100);
    expect(turns).toBeLessThan(SPACES / 10);
  });

  it('does not count spaces that no longer wait when it comes to them', async () => {
    const fold = foldOf(SPACES);
    const buffering = fold.buffering as Set<SpaceId>;
    expect(await watermarkDelayOf(fold, async () => buffering.clear())).toBeLessThan(SPACES / 10);
  });

  it('is not looked for any longer once a space waits for as long as any can', async () => {
    let asked = 0;
    const fold = foldOf(SPACES, () => {
      asked += 1;
      return LOG_MS - DEFAULT_SETTINGS.idleTimeoutMs - DEFAULT_SETTINGS.outOfOrdernessMs;
    });
    await watermarkDelayOf(fold, async () => {});
    expect(asked).toBe(1);
  });
});
