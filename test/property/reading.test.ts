// What comes in from outside: one parser, for any value; raw bytes of bad items; identity.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import {
  identityOf,
  parseReading,
  readingIdOf,
  readingOfIdentity,
  storedReading,
  type Direction,
  type Reading,
} from '../../src/domain/reading.ts';
import { itemSpans } from '../../src/router/raw-items.ts';

const LATEST = Date.UTC(2024, 0, 1);
const EARLY = '1970-01-01T00:00:00Z';
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const reading: fc.Arbitrary<Reading> = fc
  .record({
    dpuId: id.map((text) => text as DpuId),
    timestampMs: fc.nat(LATEST),
    direction: fc.constantFrom<Direction[]>(1, -1),
  })
  .chain((base) =>
    fc.oneof(
      fc.constant(base),
      id.map((name) => ({ ...base, name })),
    ),
  );

describe('the parser of readings', () => {
  it('never throws, and names the field', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
        const parsed = parseReading(value, { latestMs: LATEST });
        if (!parsed.ok) expect(['', 'dpu_id', 'timestamp', 'direction', 'id']).toContain(parsed.rejection.field);
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(reading, ({ dpuId, timestampMs, direction, name }) => {
        const body = { dpu_id: dpuId, timestamp: new Date(timestampMs).toISOString(), direction, id: name };
        expect(parseReading(JSON.parse(JSON.stringify(body)), { latestMs: LATEST })).toEqual({
          ok: true,
          reading: { dpuId, timestampMs, direction, ...(name === undefined ? {} : { name }) },
        });
      }),
    );
  });

  it.each([
    [{ timestamp: 0, direction: 1 }, 'dpu_id'],
    [{ dpu_id: 'a.b', timestamp: 0, direction: 1 }, 'dpu_id'],
    [{ dpu_id: '*', timestamp: 0, direction: 1 }, 'dpu_id'],
    [{ dpu_id: 'a', direction: 1 }, 'timestamp'],
    [{ dpu_id: 'a', timestamp: -1, direction: 1 }, 'timestamp'],
    [{ dpu_id: 'a', timestamp: LATEST + 1, direction: 1 }, 'timestamp'],
    [{ dpu_id: 'a', timestamp: 1_700_000_000, direction: 1 }, 'timestamp'],
    [{ dpu_id: 'a', timestamp: 0, direction: 1 }, 'timestamp'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 0 }, 'direction'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: true }, 'direction'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, id: '' }, 'id'],
  ])('%j: %s', (value, field) => {
    expect(parseReading(value, { latestMs: LATEST })).toMatchObject({ ok: false, rejection: { field } });
  });

  it('takes milliseconds, and does not take seconds for them', () => {
    expect(parseReading({ dpu_id: 'a', timestamp: LATEST, direction: 1 }, { latestMs: LATEST })).toMatchObject({
      ok: true,
      reading: { timestampMs: LATEST },
    });
    expect(parseReading({ dpu_id: 'a', timestamp: LATEST / 1_000, direction: 1 }, { latestMs: LATEST })).toMatchObject({
      rejection: { detail: expect.stringContaining('looks like seconds') as string },
    });
    expect(parseReading({ dpu_id: 'a', timestamp: EARLY, direction: 1 }, { latestMs: LATEST })).toMatchObject({
      ok: true,
      reading: { timestampMs: 0 },
    });
  });
});

describe('the identity of a reading', () => {
  /** Few values, so that two readings often agree in some of them. */
  const alike: fc.Arbitrary<Reading> = fc
    .record({
      dpuId: fc.constantFrom('a', '7').map((text) => text as DpuId),
      timestampMs: fc.constantFrom(7, 77),
      direction: fc.constantFrom<Direction[]>(1, -1),
    })
    .chain((base) => fc.constantFrom(base, { ...base, name: '7' }, { ...base, name: 'b' }));

  it('is everything that it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(alike, alike), fc.tuple(reading, reading)), ([a, b]) => {
        const same =
          a.dpuId === b.dpuId && a.timestampMs === b.timestampMs && a.direction === b.direction && a.name === b.name;
        expect(identityOf(a) === identityOf(b)).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is read back from its text', () => {
    fc.assert(
      fc.property(reading, (some) => {
        expect(readingOfIdentity(identityOf(some))).toEqual(some);
      }),
    );
    for (const text of ['', 'a', 'a.b', 'a~1~', 'a~1~*', 'a~b~+', 'a~1~+.', 'a~1~+.b.c', 'a~1~+b'])
      expect(readingOfIdentity(text)).toBeUndefined();
  });

  it('does not depend on the form of the id that a reading is stored under', () => {
    fc.assert(
      fc.property(reading, ({ dpuId, timestampMs, direction, name }) => {
        const said = { dpuId, timestampMs, direction, ...(name === undefined ? {} : { name }) };
        expect(storedReading(dpuId, timestampMs, direction, readingIdOf(said))).toEqual(said);
        if (name === undefined) return;
        const before = storedReading(dpuId, timestampMs, direction, `${dpuId}.${name}`);
        expect(before).toEqual({ ...said, hasPreviousId: true });
        expect(readingIdOf(before)).toBe(`${dpuId}.${name}`);
        expect(identityOf(before)).toBe(identityOf(said));
      }),
    );
  });

  it('can stand in a URL as it is', () => {
    fc.assert(
      fc.property(reading, (some) => {
        expect(new URL(`http://h/readings/${identityOf(some)}`).pathname).toBe(`/readings/${identityOf(some)}`);
      }),
    );
  });
});

describe('the raw items of an array', () => {
  it('are those that JSON.parse sees', () => {
    const space = fc.constantFrom('', ' ', '\n\t', '\r\n ');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.jsonValue(), space, space)), (items) => {
        const text = `[${items.map(([value, before, after]) => `${before}${JSON.stringify(value)}${after}`).join(',')}]`;
        const bytes = new TextEncoder().encode(text);
        const spans = itemSpans(bytes, items.length);
        const raw = items.map((_, n) => new TextDecoder().decode(bytes.subarray(spans[2 * n], spans[2 * n + 1])));
        expect(raw).toEqual(items.map(([value]) => JSON.stringify(value)));
      }),
    );
  });
});
