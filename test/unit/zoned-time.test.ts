// The page's clock: what it shows in a zone, and which instant that is.
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import { hourIn, instantIn, localTimeIn, startOfDayIn, weekdayIn } from '../../web/i18n/zoned-time.ts';
import { intervalFor, today, weekBefore } from '../../web/space/spans.ts';

const ZONES = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];
const MINUTE_MS = 60_000;
const minutes = fc
  .integer({ min: Date.UTC(2000, 0) / MINUTE_MS, max: Date.UTC(2040, 0) / MINUTE_MS })
  .map((minute) => minute * MINUTE_MS);
const zones = fc.constantFrom(...ZONES);

describe('a time in a zone', () => {
  it('is what luxon shows, and is found again', () => {
    fc.assert(
      fc.property(zones, minutes, (zone, ms) => {
        const expected = DateTime.fromMillis(ms, { zone });
        const local = localTimeIn(zone, ms);
        expect(local).toBe(expected.toFormat("yyyy-MM-dd'T'HH:mm"));
        expect([weekdayIn(zone, ms), hourIn(zone, ms)]).toEqual([expected.weekday - 1, expected.hour]);
        // A time that a clock change repeats may be the other one, which shows the same.
        expect(localTimeIn(zone, instantIn(zone, local))).toBe(local);
        expect(instantIn(zone, `${local}:59`)).toBe(instantIn(zone, local) + 59_000);
      }),
    );
  });

  it('is not a number for a text that is no time', () => {
    expect(instantIn('UTC', '')).toBeNaN();
  });

  it('knows days with 23 and 25 hours', () => {
    const vienna = 'Europe/Vienna';
    for (const [day, hours] of [
      ['2026-03-29', 23],
      ['2026-10-25', 25],
      ['2026-11-27', 24],
    ] as const) {
      const noon = instantIn(vienna, `${day}T12:00`);
      const { fromMs, toMs } = today(vienna, noon);
      expect([fromMs, (toMs - fromMs) / 3_600_000], day).toEqual([startOfDayIn(vienna, noon), hours]);
      expect(localTimeIn(vienna, toMs).slice(11), day).toBe('00:00');
    }
  });
});

describe('a span', () => {
  it('of the week before begins and ends at the same times of the clock', () => {
    const vienna = 'Europe/Vienna';
    const span = { fromMs: instantIn(vienna, '2026-03-30T00:00'), toMs: instantIn(vienna, '2026-03-31T00:00') };
    const { fromMs, toMs } = weekBefore(vienna, span);
    expect([fromMs, toMs].map((ms) => localTimeIn(vienna, ms))).toEqual(['2026-03-23T00:00', '2026-03-24T00:00']);
  });

  it('has at most 400 intervals, or days', () => {
    const lengths: Readonly<Record<string, number>> = { m: MINUTE_MS, h: 3_600_000, d: 86_400_000 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 * 24 * 365 }), (length) => {
        const interval = intervalFor({ fromMs: 0, toMs: length * MINUTE_MS });
        const intervalMs = Number.parseInt(interval) * (lengths[interval.at(-1) ?? ''] ?? NaN);
        expect((length * MINUTE_MS) / intervalMs).toBeLessThanOrEqual(400);
      }),
    );
  });
});
