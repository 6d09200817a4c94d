import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShards } from '../../src/shards/assignment.ts';

const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });
const shards = fc.integer({ min: 1, max: 64 });

describe('shares of shards', () => {
  it('differ by at most one, and cover every shard', () => {
    fc.assert(
      fc.property(shards, members, (count, all) => {
        const { owners } = assignShards(count, all);
        const sizes = all.map((member) => owners.filter((owner) => owner === member).length);
        expect(owners).toHaveLength(count);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('go to the standby when the owner leaves', () => {
    fc.assert(
      fc.property(shards, members, (count, all) => {
        const { owners, standbys } = assignShards(count, all);
        owners.forEach((owner, shard) =>
          expect(standbys[shard]).toBe(
            assignShards(
              count,
              all.filter((member) => member !== owner),
            ).owners[shard],
          ),
        );
      }),
    );
  });

  it('mostly stay with their owners when a member joins', () => {
    const before = assignShards(64, ['a', 'b', 'c']).owners;
    const after = assignShards(64, ['a', 'b', 'c', 'd']).owners;
    const moved = after.filter((owner, shard) => owner !== before[shard]);
    expect(moved.length).toBeLessThanOrEqual(28);
    expect(moved.filter((owner) => owner === 'd')).toHaveLength(16);
  });
});
