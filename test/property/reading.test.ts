// Input from outside: one parser for any value, the raw bytes of bad items, and identity.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dpuOfToken, tokenOfDpu, type DpuId } from '../../src/domain/ids.ts';
import {
  arrivedAt,
  directionOf,
  intervalMeasure,
  PASSED_MAX,
  personMeasure,
  REVISION_MAX,
  revisionIn,
  revisionMeasure,
  standingMeasure,
  TOTAL_MAX,
  type Direction,
  type Measure,
} from '../../src/domain/measure.ts';
import { parseReading } from '../../src/domain/parse-reading.ts';
import { identityOf, readingIdOf, readingOfIdentity, storedReading, type Reading } from '../../src/domain/reading.ts';
import { toMessage } from '../../src/publishing/append-readings.ts';
import { itemSpans } from '../../src/router/raw-items.ts';

const LATEST = Date.UTC(2024, 0, 1);
const FIRST = Date.UTC(2000, 0, 1);
const EARLY = '2000-01-01T00:00:00Z';
const text = fc.stringMatching(/^[!-~]{1,128}$/);
const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const instant = fc.integer({ min: FIRST, max: LATEST });
const person = fc.constantFrom<Direction[]>(1, -1).map(personMeasure);
const interval = (timestampMs: number): fc.Arbitrary<Measure> =>
  fc
    .tuple(
      fc.record({ entrances: fc.nat(PASSED_MAX), exits: fc.nat(PASSED_MAX) }),
      fc.option(fc.integer({ min: FIRST, max: timestampMs })),
    )
    .map(([passed, startMs]) => intervalMeasure(passed, startMs));
const revision = (timestampMs: number): fc.Arbitrary<Measure> =>
  fc
    .record({
      entrances: fc.nat(PASSED_MAX),
      exits: fc.nat(PASSED_MAX),
      startMs: fc.integer({ min: FIRST, max: timestampMs }),
      revision: fc.oneof(fc.nat(3), fc.maxSafeNat()),
    })
    .map(revisionMeasure);
const standing = fc
  .record({ totalEntrances: fc.nat(TOTAL_MAX), totalExits: fc.nat(TOTAL_MAX), counterEpoch: fc.option(token) })
  .map(standingMeasure);
const reading: fc.Arbitrary<Reading> = instant.chain((timestampMs) =>
  fc
    .record({
      dpuId: text.map((id) => id as DpuId),
      timestampMs: fc.constant(timestampMs),
      measure: fc.oneof(person, interval(timestampMs), revision(timestampMs), standing),
    })
    .chain((base) =>
      fc.oneof(
        fc.constant(base),
        text.map((name) => ({ ...base, name })),
      ),
    ),
);

const REVISION = { dpu_id: 'a', timestamp: EARLY, entrances: 1, exits: 0, start: EARLY, revision: 0 };

const FIELDS = [
  '',
  'dpu_id',
  'timestamp',
  'start',
  'direction',
  'count',
  'entrances',
  'exits',
  'revision',
  'total_entrances',
  'total_exits',
  'counter_epoch',
  'id',
];

describe('the parser of readings', () => {
  it('never throws, and names the field', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
        const parsed = parseReading(value, { latestMs: LATEST });
        if (!parsed.ok) expect(FIELDS).toContain(parsed.rejection.field);
      }),
      { numRuns: 1_000 },
    );
  });

  it('reads back what was written, in each of the three forms', () => {
    fc.assert(
      fc.property(reading, (some) => {
        const body = { dpu_id: some.dpuId, ...toMessage(some) };
        expect(parseReading(JSON.parse(JSON.stringify(body)), { latestMs: LATEST })).toEqual({
          ok: true,
          reading: some,
        });
      }),
    );
  });

  it('reads a table in the same way as JSON', () => {
    fc.assert(
      fc.property(reading, (some) => {
        const body = Object.entries({ dpu_id: some.dpuId, ...toMessage(some) });
        const row = Object.fromEntries(body.map(([name, value]) => [name, String(value)]));
        expect(parseReading(row, { latestMs: LATEST })).toEqual({ ok: true, reading: some });
      }),
    );
  });

  it.each([
    [{ timestamp: EARLY, direction: 1 }, 'dpu_id', 'bad_dpu_id'],
    [{ dpu_id: 'a b', timestamp: EARLY, direction: 1 }, 'dpu_id', 'bad_dpu_id'],
    [{ dpu_id: 'x'.repeat(129), timestamp: EARLY, direction: 1 }, 'dpu_id', 'bad_dpu_id'],
    [{ dpu_id: 'a', timestamp: '', direction: 1 }, 'timestamp', 'bad_timestamp'],
    [{ dpu_id: 'a', timestamp: -1, direction: 1 }, 'timestamp', 'bad_timestamp'],
    [{ dpu_id: 'a', timestamp: LATEST + 1, direction: 1 }, 'timestamp', 'future'],
    [{ dpu_id: 'a', timestamp: 1_700_000_000, direction: 1 }, 'timestamp', 'bad_timestamp'],
    [{ dpu_id: 'a', timestamp: '1700000000', direction: 1 }, 'timestamp', 'bad_timestamp'],
    [{ dpu_id: 'a', timestamp: 0, direction: 1 }, 'timestamp', 'clock_unset'],
    [{ dpu_id: 'a', timestamp: 130_000, direction: 1 }, 'timestamp', 'clock_unset'],
    [{ dpu_id: 'a', timestamp: '130000', direction: 1 }, 'timestamp', 'clock_unset'],
    [{ dpu_id: 'a', timestamp: '1970-01-01T00:02:10Z', direction: 1 }, 'timestamp', 'clock_unset'],
    [{ dpu_id: 'a', timestamp: '1999-12-31T23:59:59Z', direction: 1 }, 'timestamp', 'clock_unset'],
    [{ dpu_id: 'a', timestamp: EARLY }, 'direction', 'bad_direction'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 0 }, 'direction', 'bad_direction'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: true }, 'direction', 'bad_direction'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, count: 5 }, 'count', 'bad_count'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, entrances: 1, exits: 0 }, 'direction', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, entrances: 1, exits: 0, total_exits: 1 }, 'entrances', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, entrances: 5 }, 'exits', 'bad_count'],
    [{ dpu_id: 'a', timestamp: EARLY, entrances: -5, exits: 0 }, 'entrances', 'bad_count'],
    [{ dpu_id: 'a', timestamp: EARLY, entrances: 1.5, exits: 0 }, 'entrances', 'bad_count'],
    [{ dpu_id: 'a', timestamp: EARLY, entrances: 1, exits: 1_000_001 }, 'exits', 'bad_count'],
    [
      { dpu_id: 'a', timestamp: EARLY, entrances: 1, exits: 1, start: '2000-01-01T00:00:01Z' },
      'start',
      'bad_timestamp',
    ],
    [{ ...REVISION, timestamp: undefined }, 'revision', 'bad_reading'],
    [{ ...REVISION, start: undefined }, 'revision', 'bad_reading'],
    [{ ...REVISION, exits: undefined }, 'revision', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, revision: 1 }, 'revision', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, revision: 1 }, 'revision', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, total_entrances: 1, total_exits: 1, revision: 1 }, 'revision', 'bad_reading'],
    [{ dpu_id: 'a', timestamp: EARLY, total_entrances: 1 }, 'total_exits', 'bad_count'],
    [{ dpu_id: 'a', timestamp: EARLY, total_entrances: 1, total_exits: 2 ** 32 }, 'total_exits', 'bad_count'],
    [
      { dpu_id: 'a', timestamp: EARLY, total_entrances: 1, total_exits: 1, counter_epoch: 'a b' },
      'counter_epoch',
      'bad_count',
    ],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, id: '' }, 'id', 'bad_id'],
    [{ dpu_id: 'a', timestamp: EARLY, direction: 1, id: 'a b' }, 'id', 'bad_id'],
  ])('%j: %s, %s', (value, field, reason) => {
    expect(parseReading(value, { latestMs: LATEST })).toMatchObject({ ok: false, rejection: { field, reason } });
  });

  it.each([-1, 1.5, 'x', '', true, REVISION_MAX + 1, String(REVISION_MAX + 2)])('%j is no revision', (wrong) => {
    expect(parseReading({ ...REVISION, revision: wrong }, { latestMs: LATEST })).toMatchObject({
      ok: false,
      rejection: { field: 'revision', reason: 'bad_count' },
    });
  });

  const read = (fields: object): unknown =>
    parseReading({ dpu_id: 'a', direction: 1, ...fields }, { latestMs: LATEST });

  it('accepts milliseconds as a number and as text, and refuses seconds', () => {
    for (const timestamp of [LATEST, String(LATEST), new Date(LATEST).toISOString()])
      expect(read({ timestamp })).toMatchObject({ ok: true, reading: { timestampMs: LATEST } });
    expect(read({ timestamp: LATEST / 1_000 })).toMatchObject({
      rejection: { detail: expect.stringContaining('looks like seconds') as string },
    });
  });

  it('accepts a reading without a timestamp, which counts at its arrival', () => {
    expect(read({})).toMatchObject({ ok: true, reading: { timestampMs: null } });
  });

  it.each([1, '1', '+1', '1.0', '1.'])('accepts %j as a direction', (direction) => {
    expect(read({ timestamp: LATEST, direction })).toMatchObject({ ok: true, reading: { measure: '+' } });
  });

  it('accepts a number as the id or the DPU, equal to its digits', () => {
    expect(read({ timestamp: LATEST, id: 17, dpu_id: 7 })).toEqual(read({ timestamp: LATEST, id: '17', dpu_id: '7' }));
  });

  it.each([0, '0', '+7', '7.0', REVISION_MAX, String(REVISION_MAX)])('takes %j for a revision', (written) => {
    const parsed = parseReading({ ...REVISION, revision: written }, { latestMs: LATEST });
    expect(parsed.ok && revisionIn(parsed.reading.measure)).toEqual({
      entrances: 1,
      exits: 0,
      startMs: FIRST,
      revision: Number(written),
    });
  });

  it('has a configurable earliest instant', () => {
    const parse = (earliestMs: number): unknown =>
      parseReading(
        { dpu_id: 'a', timestamp: '1970-01-01T00:00:00.050Z', direction: 1 },
        { latestMs: LATEST, earliestMs },
      );
    expect(parse(50)).toMatchObject({ ok: true });
    expect(parse(51)).toMatchObject({ rejection: { reason: 'clock_unset' } });
  });
});

describe('the identity of a reading', () => {
  /** Few values, so that two readings often share some of them; and texts that look like other parts of an identity. */
  const alike: fc.Arbitrary<Reading> = fc
    .record({
      dpuId: fc.constantFrom('a', '7', 'a~7', 'a.b', 'a=7E7', '+').map((id) => id as DpuId),
      timestampMs: fc.constantFrom(7, 77),
      measure: fc.constantFrom(
        personMeasure(1),
        personMeasure(-1),
        arrivedAt(personMeasure(1), 7, 0),
        intervalMeasure({ entrances: 1, exits: 0 }, null),
        intervalMeasure({ entrances: 1, exits: 0 }, 7),
        revisionMeasure({ entrances: 1, exits: 0, startMs: 7, revision: 0 }),
        revisionMeasure({ entrances: 1, exits: 0, startMs: 7, revision: 7 }),
        standingMeasure({ totalEntrances: 1, totalExits: 0, counterEpoch: null }),
        standingMeasure({ totalEntrances: 1, totalExits: 0, counterEpoch: '7' }),
      ),
    })
    .chain((base) =>
      fc.constantFrom(base, ...['7', 'b', '+.b', '~7~+', '@7_0', '.'].map((name) => ({ ...base, name }))),
    );

  it('consists of all its fields', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(alike, alike), fc.tuple(reading, reading)), ([a, b]) => {
        const same =
          a.dpuId === b.dpuId && a.timestampMs === b.timestampMs && a.measure === b.measure && a.name === b.name;
        expect(identityOf(a) === identityOf(b)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read back from its text', () => {
    fc.assert(
      fc.property(fc.oneof(reading, alike), (some) => {
        expect(readingOfIdentity(identityOf(some))).toEqual(some);
      }),
    );
    const others = [
      '',
      'a',
      'a.b',
      'a~1~',
      'a~1~*',
      'a~b~+',
      'a~1~+.',
      'a~1~+b',
      'a.b~1~+',
      'a~1~5',
      'a~1~05-1',
      'a~1~t1',
      'a~1~+@',
      'a~1~+@1',
      'a~1~5-3r7',
      'a~1~5-3-1r',
      'a~1~5-3-1r07',
      'a~1~5-3-1r7r7',
      `a~1~5-3-1r${2 ** 53}`,
      'a~1~5-3-1r7@17_0',
      'a~1~t5-3r7',
    ];
    for (const other of others) expect(readingOfIdentity(other)).toBeUndefined();
  });

  it('has a unique token for its DPU', () => {
    fc.assert(
      fc.property(text, (id) => {
        const itsToken = tokenOfDpu(id as DpuId);
        expect(itsToken).toMatch(/^[^.*>/+#~{}()\s]+$/);
        expect(dpuOfToken(itsToken)).toBe(id);
      }),
    );
    expect(tokenOfDpu('AA:BB:0C' as DpuId)).toBe('AA:BB:0C');
    for (const none of ['a~b', 'a=7e', 'a=41', 'a b', '=']) expect(dpuOfToken(none)).toBeUndefined();
  });

  it('does not depend on the form of the id that a reading is stored under', () => {
    fc.assert(
      fc.property(reading, token, token, (some, id, ownName) => {
        expect(storedReading(some.dpuId, some.timestampMs, directionOf(some.measure), readingIdOf(some))).toEqual(some);
        const direction = directionOf(some.measure);
        if (direction === 0) return;
        const current = { ...some, dpuId: id as DpuId, name: ownName };
        const { dpuId, timestampMs, name } = current;
        const before = storedReading(dpuId, timestampMs, direction, `${dpuId}.${name}`);
        expect(before).toEqual({ ...current, hasPreviousId: true });
        expect(readingIdOf(before)).toBe(`${dpuId}.${name}`);
        expect(identityOf(before)).toBe(identityOf(current));
      }),
    );
  });

  it('needs no escaping in a URL if the ids of the DPU and of the reading need none', () => {
    fc.assert(
      fc.property(reading, token, token, (some, id, name) => {
        const identity = identityOf({ ...some, dpuId: id as DpuId, name });
        expect(new URL(`http://h/readings/${identity}`).pathname).toBe(`/readings/${identity}`);
      }),
    );
  });
});

describe('the raw items of an array', () => {
  it('are those that JSON.parse finds', () => {
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
