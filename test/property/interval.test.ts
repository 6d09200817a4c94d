// The bounds of intervals by the clock of a space, against a walk through every minute.
import fc from 'fast-check';
import { DateTime, IANAZone } from 'luxon';
import { describe, expect, it } from 'vitest';
import { formatInstant, MINUTE_MS } from '../../src/domain/instant.ts';
import { intervalBounds, intervalCount, parseInterval, type Interval } from '../../src/domain/interval.ts';
import { DAY_MS } from '../../src/domain/zone.ts';

const HOUR_MS = 60 * MINUTE_MS;
/** Zones, each with instants about which its clock changes. */
const CHANGES = [
  ['UTC', '2024-03-31T01:00Z'],
  ['Asia/Kolkata', '2024-03-31T01:00Z'],
  ['Asia/Kathmandu', '2024-10-27T01:00Z'],
  ['Europe/Vienna', '2024-03-31T01:00Z', '2024-10-27T01:00Z'],
  ['America/New_York', '2024-03-10T07:00Z', '2024-11-03T06:00Z'],
  ['America/St_Johns', '2024-03-10T05:30Z', '2024-11-03T04:30Z'],
  // By half an hour.
  ['Australia/Lord_Howe', '2024-10-05T15:30Z', '2024-04-06T15:00Z'],
  // At midnight: one is skipped, and one is shown twice.
  ['America/Havana', '2024-03-10T05:00Z', '2024-11-03T05:00Z'],
  ['Asia/Beirut', '2024-03-30T22:00Z', '2024-10-26T21:00Z'],
  // By two hours, by three, and by a whole day.
  ['Antarctica/Troll', '2024-03-31T01:00Z', '2024-10-27T01:00Z'],
  ['Antarctica/Casey', '2010-03-04T15:00Z', '2011-10-27T18:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00Z'],
] as const;
const zone = fc.constantFrom(...CHANGES.map(([name]) => name));
const instant = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2035, 0) });
const aboutAChange = fc
  .constantFrom(...CHANGES.flatMap(([name, ...times]) => times.map((time) => ({ name, changeMs: Date.parse(time) }))))
  .chain(({ name, changeMs }) =>
    fc.record({
      name: fc.constant(name),
      startMs: fc.integer({ min: changeMs - 30 * HOUR_MS, max: changeMs + 4 * HOUR_MS }),
    }),
  );
const interval = (text: string): Interval => parseInterval(text) ?? expect.fail(`${text} is an interval`);

/** The offset in minutes all through an hour; undefined if the clock changes in it. Looking up an offset is what takes a walk's time. */
const offsets = new Map(CHANGES.map(([name]) => [name as string, new Map<number, number | undefined>()]));

function wall(at: number, name: string): number {
  const zone = IANAZone.create(name);
  const hourMs = Math.floor(at / HOUR_MS) * HOUR_MS;
  const known = offsets.get(name);
  if (known?.has(hourMs) === false) {
    const [first, last] = [zone.offset(hourMs), zone.offset(hourMs + HOUR_MS - 1)];
    known.set(hourMs, first === last ? first : undefined);
  }
  return at + (known?.get(hourMs) ?? zone.offset(at)) * MINUTE_MS;
}

/** The rule, minute by minute: where the clock shows a multiple, or skips one, or shows one again that it showed long enough ago. */
function byLooking(startMs: number, endMs: number, lengthMs: number, name: string): number[] {
  const bounds: number[] = [];
  const shownAt = new Map<number, number>();
  const firstMs = Math.floor((startMs - lengthMs - 25 * HOUR_MS) / MINUTE_MS) * MINUTE_MS;
  let before = wall(firstMs - MINUTE_MS, name);
  for (let at = firstMs; at < endMs + lengthMs + 25 * HOUR_MS; at += MINUTE_MS) {
    const shown = wall(at, name);
    const multiple = Math.floor(shown / lengthMs) * lengthMs;
    const isPassed = shown > before ? multiple > before : multiple === shown;
    const agoMs = at - (shownAt.get(shown) ?? -Infinity);
    if (isPassed && agoMs >= lengthMs) bounds.push(at);
    shownAt.set(shown, shownAt.get(shown) ?? at);
    before = shown;
  }
  return bounds.slice(
    bounds.findLastIndex((bound) => bound <= startMs),
    bounds.findIndex((bound) => bound >= endMs) + 1,
  );
}

describe('an interval', () => {
  it.each(['1m', '7m', '15m', '90m', '1h', '36h', '168h', '1d', '1w', '1M'])('%s is one', (text) =>
    expect(parseInterval(text)).toBeDefined(),
  );
  it.each(['0m', '1s', '2d', '2w', '2M', '12M', '169h', '15', 'm', 'M', '1.5h', '-1h', '01h', '1H', '1D'])(
    '%j is none',
    (text) => expect(parseInterval(text)).toBeUndefined(),
  );

  it('covers the span, without gap or overlap', () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 1, max: 20 * DAY_MS }),
        fc.constantFrom('7m', '1h', '5h', '12h', '1d', '1w', '1M'),
        zone,
        (startMs, lengthMs, text, name) => {
          const bounds = intervalBounds(startMs, startMs + lengthMs, interval(text), name);
          expect(bounds[0]).toBeLessThanOrEqual(startMs);
          expect(bounds[1]).toBeGreaterThan(startMs);
          expect(bounds.at(-1)).toBeGreaterThanOrEqual(startMs + lengthMs);
          expect(bounds.at(-2)).toBeLessThan(startMs + lengthMs);
          for (let at = 1; at < bounds.length; at++) expect(bounds[at]).toBeGreaterThan(bounds[at - 1] ?? 0);
          // Clocks that go back show up to three hours again.
          const estimate = intervalCount(startMs, startMs + lengthMs, interval(text));
          expect(Math.abs(bounds.length - 1 - estimate)).toBeLessThanOrEqual(
            Math.ceil((3 * HOUR_MS) / interval(text).lengthMs) + 1,
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('of minutes and hours begins where a walk through every minute finds it, also when the clocks change', () => {
    fc.assert(
      fc.property(
        aboutAChange,
        fc.integer({ min: 1, max: 40 * HOUR_MS }),
        fc.constantFrom('7m', '15m', '30m', '45m', '1h', '90m', '2h', '3h', '5h', '8h', '12h', '24h', '36h'),
        ({ name, startMs }, spanMs, text) => {
          const { lengthMs } = interval(text);
          const bounds = intervalBounds(startMs, startMs + spanMs, interval(text), name);
          const found = byLooking(startMs, startMs + spanMs, lengthMs, name);
          expect(bounds.map(formatInstant), `${text} in ${name}`).toEqual(found.map(formatInstant));
          for (let at = 1; at < bounds.length; at++)
            expect((bounds[at] ?? 0) - (bounds[at - 1] ?? 0)).toBeLessThan(2 * lengthMs);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('of a month begins when the date becomes the first', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: 400 * DAY_MS }), zone, (startMs, spanMs, name) => {
        const bounds = intervalBounds(startMs, startMs + spanMs, interval('1M'), name);
        const first = DateTime.fromMillis(startMs, { zone: name }).startOf('month');
        // Not the instants that luxon names: where midnight comes twice, it takes either.
        const local = (ms: number): DateTime => DateTime.fromMillis(ms, { zone: name });
        for (const [n, bound] of bounds.entries()) {
          const { year, month } = first.plus({ months: n });
          expect([local(bound).toFormat('yyyy-M-d'), local(bound - 1).month]).toEqual([
            `${year}-${month}-1`,
            first.plus({ months: n - 1 }).month,
          ]);
        }
        expect(bounds.at(-1)).toBeGreaterThanOrEqual(startMs + spanMs);
        expect(bounds.at(-2)).toBeLessThan(startMs + spanMs);
      }),
    );
  });

  const starts = (text: string, name: string, from: string, to: string): string[] =>
    intervalBounds(Date.parse(from), Date.parse(to), interval(text), name).map((at) =>
      DateTime.fromMillis(at, { zone: name }).toFormat('dd HH:mm ZZZ'),
    );

  it.each([
    [
      '12h',
      'America/New_York',
      '2026-11-24T17:30Z',
      '2026-11-25T06:00Z',
      ['24 12:00 -0500', '25 00:00 -0500', '25 12:00 -0500'],
    ],
    [
      '1h',
      'Asia/Kathmandu',
      '2026-11-24T08:20Z',
      '2026-11-24T10:00Z',
      ['24 14:00 +0545', '24 15:00 +0545', '24 16:00 +0545'],
    ],
    ['1h', 'Asia/Kolkata', '2026-11-24T08:31Z', '2026-11-24T09:30Z', ['24 14:00 +0530', '24 15:00 +0530']],
    // Half an hour is skipped, and half an hour is shown twice.
    [
      '1h',
      'Australia/Lord_Howe',
      '2024-10-05T14:40Z',
      '2024-10-05T16:30Z',
      ['06 01:00 +1030', '06 02:30 +1100', '06 03:00 +1100', '06 04:00 +1100'],
    ],
    [
      '1h',
      'Australia/Lord_Howe',
      '2024-04-06T14:10Z',
      '2024-04-06T16:00Z',
      ['07 01:00 +1100', '07 02:00 +1030', '07 03:00 +1030'],
    ],
    [
      '30m',
      'Australia/Lord_Howe',
      '2024-04-06T14:10Z',
      '2024-04-06T16:00Z',
      ['07 01:00 +1100', '07 01:30 +1100', '07 01:30 +1030', '07 02:00 +1030', '07 02:30 +1030'],
    ],
    // Each hour that is shown twice is two intervals of an hour, and half a day is one all the same.
    [
      '1h',
      'Europe/Vienna',
      '2024-10-27T00:00Z',
      '2024-10-27T02:00Z',
      ['27 02:00 +0200', '27 02:00 +0100', '27 03:00 +0100'],
    ],
    ['2h', 'Europe/Vienna', '2024-10-27T00:00Z', '2024-10-27T03:00Z', ['27 02:00 +0200', '27 04:00 +0100']],
    [
      '12h',
      'Europe/Vienna',
      '2024-10-27T00:00Z',
      '2024-10-27T12:00Z',
      ['27 00:00 +0200', '27 12:00 +0100', '28 00:00 +0100'],
    ],
    [
      '2h',
      'Europe/Vienna',
      '2024-03-31T00:30Z',
      '2024-03-31T03:00Z',
      ['31 00:00 +0100', '31 03:00 +0200', '31 04:00 +0200', '31 06:00 +0200'],
    ],
    // Midnight is skipped, or shown twice: half days begin where days do.
    [
      '12h',
      'America/Havana',
      '2024-03-10T00:00Z',
      '2024-03-10T16:00Z',
      ['09 12:00 -0500', '10 01:00 -0400', '10 12:00 -0400'],
    ],
    ['12h', 'America/Havana', '2024-11-03T04:30Z', '2024-11-03T16:00Z', ['03 00:00 -0400', '03 12:00 -0500']],
  ] as const)('%s in %s from %s on', (text, name, from, to, expected) => {
    expect(starts(text, name, from, to)).toEqual(expected);
  });

  it('of a month follows the calendar and the clock', () => {
    expect(starts('1M', 'Europe/Vienna', '2024-02-10T00:00Z', '2024-04-10T00:00Z')).toEqual([
      '01 00:00 +0100',
      '01 00:00 +0100',
      '01 00:00 +0200',
      '01 00:00 +0200',
    ]);
  });

  it('of a day that a zone left out does not exist', () => {
    const bounds = intervalBounds(
      Date.parse('2011-12-29T12:00:00Z'),
      Date.parse('2012-01-01T12:00:00Z'),
      interval('1d'),
      'Pacific/Apia',
    );
    expect(bounds.map(formatInstant)).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
      '2012-01-01T10:00:00.000Z',
      '2012-01-02T10:00:00.000Z',
    ]);
  });

  it('of a day has 23 and 25 hours when the clocks change', () => {
    const lengths = (from: string, to: string): number[] => {
      const bounds = intervalBounds(Date.parse(from), Date.parse(to), interval('1d'), 'Europe/Vienna');
      return bounds.slice(1).map((bound, at) => (bound - (bounds[at] ?? 0)) / 3_600_000);
    };
    expect(lengths('2024-03-29T23:00:00Z', '2024-04-01T22:00:00Z')).toEqual([24, 23, 24]);
    expect(lengths('2024-10-25T22:00:00Z', '2024-10-28T23:00:00Z')).toEqual([24, 25, 24]);
  });

  it('of a week begins on Monday', () => {
    const [first = 0] = intervalBounds(
      Date.UTC(2024, 4, 15, 12),
      Date.UTC(2024, 4, 16),
      interval('1w'),
      'America/New_York',
    );
    expect(DateTime.fromMillis(first, { zone: 'America/New_York' }).toFormat('cccc HH:mm')).toBe('Monday 00:00');
  });
});
