// Instants, local time and resets, against the slow and obvious way to find them.
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { END_MS, formatInstant, MINUTE_MS, parseInstant } from '../../src/domain/instant.ts';
import {
  differingResets,
  nextResetAfter,
  resetInForce,
  resetsBetween,
  type ResetSchedule,
} from '../../src/domain/reset-schedule.ts';
import { DAY_MS, formatInZone, fromLocalMs } from '../../src/domain/zone.ts';

const ZONES = [
  'UTC',
  'Europe/Vienna',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'America/St_Johns',
  'Pacific/Apia',
];
const zone = fc.constantFrom(...ZONES);
const instant = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2035, 0) });

/** Steps minute by minute until the wall clock shows the time, or has skipped it. */
function byLooking(localMs: number, zoneName: string): number {
  const wall = (at: number): number =>
    DateTime.fromMillis(at, { zone: zoneName }).setZone('UTC', { keepLocalTime: true }).toMillis();
  let at = localMs - 15 * 60 * MINUTE_MS;
  while (wall(at) < localMs) at += MINUTE_MS;
  return wall(at) === localMs ? at : at + localMs - wall(at - MINUTE_MS) - MINUTE_MS;
}

describe('an instant', () => {
  it('is read back from what is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(parseInstant(formatInstant(ms))).toBe(ms);
      }),
    );
  });

  it('is written as a Date writes it, whatever was written before', () => {
    const near = fc.tuple(fc.integer({ min: -1, max: END_MS }), fc.array(fc.integer({ min: 0, max: 2 * MINUTE_MS })));
    fc.assert(
      fc.property(near, ([atMs, later]) => {
        const all = [atMs, ...later.map((ms) => Math.min(atMs + ms, END_MS)), atMs];
        expect(all.map((ms) => formatInstant(ms))).toEqual(all.map((ms) => new Date(ms).toISOString()));
      }),
    );
    formatInstant(END_MS);
    expect(formatInstant(END_MS - 0.5)).toBe(new Date(END_MS - 0.5).toISOString());
    expect(() => formatInstant(NaN)).toThrow(RangeError);
    expect(() => formatInstant(1e16)).toThrow(RangeError);
  });

  it('is read alike, whatever was read before', () => {
    // Written in the usual form, which is read in another way if the date is that of the instant before, and in others.
    const parts = fc.tuple(
      fc.constantFrom('2026-02-28', '2024-02-29', '2026-02-29', '0099-12-31', '1969-12-31', '9999-12-31', '2026-13-01'),
      fc.constantFrom('T', ' ', 't'),
      fc.constantFrom('00:00:00', '23:59:59', '24:00:00', '09:60:00', '09:30:61', '0a:30:00', '09-30:00', '09:30-00'),
      fc.constantFrom('.000', '.999', ',123', '.12', '.1234', '.1a3', '.-12', ''),
      fc.constantFrom('Z', 'z', '+01:00', '', 'ZZ'),
    );
    fc.assert(
      fc.property(fc.array(parts, { minLength: 2 }), (all) => {
        for (const part of all) {
          const text = part.join('');
          parseInstant('1970-01-01T00:00Z');
          const alone = parseInstant(text);
          parseInstant(`${part[0]}T12:00:00.000Z`);
          expect(parseInstant(text)).toBe(alone);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('may have any offset, and digits past the millisecond', () => {
    for (const text of [
      '2018-02-24T09:45:21.893+01:00',
      '2018-02-24 08:45:21,893999Z',
      '2018-02-24T03:45:21.893456789-0500',
    ]) {
      expect(parseInstant(text)).toBe(Date.UTC(2018, 1, 24, 8, 45, 21, 893));
    }
    expect(parseInstant('2018-02-24T08:45Z')).toBe(Date.UTC(2018, 1, 24, 8, 45));
  });

  it('in a zone is what luxon writes, and is read back', () => {
    const ever = fc.integer({ min: 0, max: END_MS - 1 });
    fc.assert(
      fc.property(fc.oneof(instant, ever), fc.constantFrom(...ZONES, 'Africa/Monrovia'), (ms, zoneName) => {
        const written = formatInZone(ms, zoneName);
        expect(parseInstant(written)).toBe(ms);
        // Liberia was off by half a minute until 1972, which no offset can say.
        if (ms < Date.UTC(1972, 1) || ms > END_MS - DAY_MS) return;
        expect(written).toBe(DateTime.fromMillis(ms, { zone: zoneName }).toISO()?.replace(/Z$/, '+00:00'));
      }),
    );
    expect(formatInZone(0, 'Africa/Monrovia')).toMatch(/^1969-12-31T23:1[56]:00.000-00:4[45]$/);
    expect(formatInZone(END_MS, 'Asia/Tokyo')).toBe('9999-12-31T23:59:59.999Z');
  });

  it.each([
    '2018-02-24T08:45:21',
    '2018-02-30T00:00:00Z',
    '2019-02-29T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '2018-13-01T00:00:00Z',
    '2018-01-01T24:00:00Z',
    'now',
    '',
    '0099-12-31T00:00:00Z',
  ])('is not %j', (text) => expect(parseInstant(text)).toBeUndefined());
});

describe('local time', () => {
  it('is found as by stepping minute by minute: the first of two, and after a skip by the same distance', () => {
    fc.assert(
      fc.property(instant, zone, (near, name) => {
        const localMs = Math.floor(near / MINUTE_MS) * MINUTE_MS;
        expect(fromLocalMs(localMs, name)).toBe(byLooking(localMs, name));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['2024-03-31T02:30', 'Europe/Vienna', '2024-03-31T01:30:00.000Z'],
    ['2024-10-27T02:30', 'Europe/Vienna', '2024-10-27T00:30:00.000Z'],
    ['2024-03-10T02:00', 'America/New_York', '2024-03-10T07:00:00.000Z'],
    ['2024-11-03T01:00', 'America/New_York', '2024-11-03T05:00:00.000Z'],
  ])('%s in %s is %s', (local, name, expected) => {
    const localMs = Date.parse(`${local}:00Z`);
    expect(formatInstant(fromLocalMs(localMs, name))).toBe(expected);
    expect(byLooking(localMs, name)).toBe(Date.parse(expected));
  });
});

describe('a schedule of resets', () => {
  const schedule = fc.record({
    manual: fc.array(
      fc.record({
        timestampMs: fc.integer({ min: Date.UTC(2024, 2, 28), max: Date.UTC(2024, 3, 3) }),
        count: fc.nat(9),
      }),
      { maxLength: 5 },
    ),
    dailyReset: fc.constantFrom(null, '04:00', '02:30', '00:00'),
    dailyResetCount: fc.constantFrom(0, 2),
    timeZone: zone,
  });
  const [fromMs, toMs] = [Date.UTC(2024, 2, 27), Date.UTC(2024, 3, 4)];

  it('has the last reset up to an instant in force', () => {
    fc.assert(
      fc.property(schedule, fc.integer({ min: fromMs, max: toMs }), (some: ResetSchedule, atMs) => {
        const last = resetsBetween(some, fromMs - 3 * DAY_MS, atMs).at(-1);
        if (last) expect(resetInForce(some, atMs)).toEqual(last);
        expect(nextResetAfter(some, atMs)).toBeGreaterThan(atMs);
      }),
    );
  });

  it('T3 has the first instant from which another reset may be in force, whatever was added, changed or removed', () => {
    const upToMs = Date.UTC(2024, 3, 2);
    const pair = fc.tuple(schedule, schedule, fc.boolean()).map(([one, other, isSameDaily]) => {
      const { dailyReset, dailyResetCount, timeZone } = one;
      return isSameDaily ? [one, { ...other, dailyReset, dailyResetCount, timeZone }] : [one, other];
    });
    fc.assert(
      fc.property(pair, fc.array(fc.integer({ min: fromMs, max: upToMs })), ([one, other], times) => {
        if (!one || !other) return;
        const changed = differingResets(one, other, upToMs);
        for (const ms of [...times, ...[...one.manual, ...other.manual].map(({ timestampMs }) => timestampMs)]) {
          if (ms > upToMs || (changed && ms >= changed.firstMs)) continue;
          expect(resetInForce(one, ms)).toEqual(resetInForce(other, ms));
        }
        // After the last one they agree again at the next reset of both.
        if (!changed) return;
        const next = nextResetAfter(other, changed.lastMs);
        if (next <= upToMs) expect(resetInForce(one, next)).toEqual(resetInForce(other, next));
      }),
    );
  });

  it("prefers the later recorded of two resets at one instant, and a person's over the daily one", () => {
    const at = Date.parse('2024-03-30T03:00:00Z');
    const some: ResetSchedule = {
      manual: [
        { timestampMs: at, count: 3 },
        { timestampMs: at, count: 5 },
      ],
      dailyReset: '04:00',
      dailyResetCount: 4,
      timeZone: 'Europe/Vienna',
    };
    expect(resetInForce(some, at)).toEqual({ timestampMs: at, count: 5 });
    expect(resetInForce({ ...some, manual: [] }, at)).toEqual({ timestampMs: at, count: 4 });
    expect(resetInForce(some, at - 1).count).toBe(4);
    // The day before is reset at the same time.
    expect(resetInForce(some, at - 1).timestampMs).toBe(at - DAY_MS);
  });

  it('resets once on each day of a clock change', () => {
    const some: ResetSchedule = { manual: [], dailyReset: '04:00', dailyResetCount: 0, timeZone: 'Europe/Vienna' };
    const on = (from: string, to: string): string[] =>
      resetsBetween(some, Date.parse(from), Date.parse(to)).map(({ timestampMs }) => formatInstant(timestampMs));
    expect(on('2024-03-30T00:00:00Z', '2024-04-01T00:00:00Z')).toEqual([
      '2024-03-30T03:00:00.000Z',
      '2024-03-31T02:00:00.000Z',
    ]);
    expect(on('2024-10-26T00:00:00Z', '2024-10-28T00:00:00Z')).toEqual([
      '2024-10-26T02:00:00.000Z',
      '2024-10-27T03:00:00.000Z',
    ]);
  });
});
