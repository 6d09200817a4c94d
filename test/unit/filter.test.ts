// Filters are evaluated in memory and narrow the time range that is read; both must agree.
import { describe, expect, it } from 'vitest';
import { matches, timeRangeOf } from '../../src/domain/filter.ts';
import { FilterError, parseFilter } from '../../src/http/filter/parse.ts';

const FIELDS = { id: 'number', name: 'text', timestamp: 'instant' } as const;
const DAY_MS = 86_400_000;
const ALL = { fromMs: 0, toMs: 100 * DAY_MS };

describe('a comparison', () => {
  const idsMatching = (filter: string): (number | null)[] =>
    [null, 1, 2, 3].filter((id) => matches(parseFilter(filter, FIELDS), () => id));

  it.each([
    ['id < 2', [1]],
    ['id <= 2', [1, 2]],
    ['id > 2', [3]],
    ['id >= 2', [2, 3]],
    ['id = 2', [2]],
    ['id != 2', [null, 1, 3]],
    ['NOT id < 2', [null, 2, 3]],
  ])('%s', (filter, ids) => {
    expect(idsMatching(filter)).toEqual(ids);
  });
});

describe('the time range of a filter', () => {
  it.each([
    ["timestamp = '1970-01-03'", 2 * DAY_MS, 2 * DAY_MS, true],
    ["timestamp < '1970-01-03'", 0, 2 * DAY_MS - 1, true],
    ["timestamp > '1970-01-03' AND timestamp <= '1970-01-04'", 2 * DAY_MS + 1, 3 * DAY_MS, true],
    ["timestamp >= '1970-01-03' AND id = 1", 2 * DAY_MS, 100 * DAY_MS, false],
    ["timestamp != '1970-01-03'", 0, 100 * DAY_MS, false],
    ["timestamp < '1970-01-03' OR id = 1", 0, 100 * DAY_MS, false],
  ])('%s', (filter, fromMs, toMs, isAll) => {
    const expression = parseFilter(filter, FIELDS);
    expect(timeRangeOf(expression, 'timestamp', ALL)).toEqual({ range: { fromMs, toMs }, isAll });
    for (const ms of [0, fromMs - 1, fromMs, toMs, toMs + 1, 2 * DAY_MS].filter((at) => at >= 0 && at <= ALL.toMs)) {
      const isMatch = matches(expression, (field) => (field === 'timestamp' ? ms : 1));
      const isInRange = fromMs <= ms && ms <= toMs;
      expect(isMatch && !isInRange, String(ms)).toBe(false);
      if (isAll) expect(isMatch, String(ms)).toBe(isInRange);
    }
  });

  it('is refused with its position if an instant is none', () => {
    for (const value of ["'yesterday'", '-1', '1.5', "'2024-13-01'"]) {
      expect(() => parseFilter(`timestamp > ${value}`, FIELDS), value).toThrow(FilterError);
      expect(() => parseFilter(`timestamp > ${value}`, FIELDS), value).toThrow(
        "an instant such as '2018-02-25T10:00:00Z' or a date such as '2018-02-25'",
      );
    }
  });
});
