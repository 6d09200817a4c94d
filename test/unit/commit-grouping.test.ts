// How long a router waits after a commit for readings that can share the next one.
import { describe, expect, it } from 'vitest';
import { CommitGrouping } from '../../src/router/commit-grouping.ts';

describe('after a commit a router waits', () => {
  it('not at all before the first one', () => {
    expect(new CommitGrouping().leftMs(0)).toBeLessThanOrEqual(0);
  });

  it.each([
    [0, 10],
    [1, 10],
    [4, 12],
    [10, 30],
    [1_000, 30],
  ])('of %i readings for %i ms', (readings, ms) => {
    const grouping = new CommitGrouping();
    grouping.routed(readings);
    grouping.committed(500);
    expect([grouping.leftMs(500), grouping.leftMs(500 + ms)]).toEqual([ms, 0]);
  });
});
