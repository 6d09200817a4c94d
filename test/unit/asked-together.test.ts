// Which spaces one query sums up.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { askedTogether } from '../../src/clickhouse/segments-since.ts';

const ALL_ROWS = 1_000_000;

it('each space is asked for once: one with many rows alone, and the others in their order, as many as ClickHouse can hold', () => {
  const rows = fc.constantFrom<number>(0, 1, 10, 99_999, 100_000, 3_000_000);
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 40 }), (numbers) => {
      const spaces = numbers.map((count, id) => ({ id, count }));
      const groups = askedTogether(spaces, ({ count }) => count, 100_000);
      const [many, few] = [true, false].map((isMany) => spaces.filter(({ count }) => count >= 100_000 === isMany));
      expect(groups.flat()).toEqual([...(few ?? []), ...(many ?? [])]);
      for (const group of groups) {
        const sum = group.reduce((all, { count }) => all + count, 0);
        if (group.some(({ count }) => count >= 100_000)) expect(group.length).toBe(1);
        else expect(sum).toBeLessThanOrEqual(ALL_ROWS);
      }
      // No two neighbours would have fitted into one.
      const sums = groups.filter(([first]) => (first?.count ?? 0) < 100_000);
      for (const [n, group] of sums.entries()) {
        const next = sums[n + 1]?.[0];
        if (next) expect(group.reduce((all, { count }) => all + count, next.count)).toBeGreaterThan(ALL_ROWS);
      }
    }),
  );
});

it('a query is for 2,000 spaces at most, because they are named in it', () => {
  const spaces = Array.from({ length: 4_500 }, (_, id) => id);
  expect(askedTogether(spaces, () => 0, 100_000).map(({ length }) => length)).toEqual([2_000, 2_000, 500]);
});
