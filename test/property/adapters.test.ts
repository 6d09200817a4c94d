// For any payload, adapters do not throw, return only valid readings, and return the same ones again.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Adapt, AdaptedPayload, PayloadContext } from '../../src/adapters/adapter.ts';
import { ADAPTERS } from '../../src/adapters/adapters.ts';
import { supersedes, withoutCorrected } from '../../src/adapters/corrections.ts';
import { allSamples, messagesOf, type Message } from '../support/device-samples.ts';

const ZONE = { time_zone: 'Europe/Zurich' };
const OPTIONS: Readonly<Record<string, readonly object[]>> = {
  xovis: [{}, { counter: 'event' }, { counter: 'logic_event', reversed: true }],
  milesight: [{}, { counter: 'event' }, { counter: 'total', reversed: ['1'] }],
  chirpstack: [{ report_interval_s: 600 }, { counter: 'total' }],
  ttn: [{ report_interval_s: 600 }, { counter: 'total', history: false }],
  hikvision: [ZONE, { counter: 'total' }, { ...ZONE, regions: true }],
  'axis-aoa': [{}, { counter: 'total', reversed: ['2'] }],
  'axis-people-counter': [ZONE, {}, { ...ZONE, export_key: 'start' }],
  mapping: [
    { kind: 'event', items: '$..[?@.area]', line: '@.area', time: '@.timestamp', entrances: '@.id' },
    { kind: 'interval', items: '$.Data[*].CountingInfo[*]', start: '@.StartTime', time: '@.EndTime', exits: '@.Out' },
    { kind: 'interval', format: 'csv', preamble: true, start: '@.StartTime', time: '@.EndTime', entrances: '@.In' },
    { kind: 'total', device: '$.device_id', time: '$.timestamp', entrances: '$.count_in', exits: '$.count_out' },
  ],
};

const adapts: readonly (readonly [string, Adapt])[] = [...ADAPTERS].flatMap(([name, adapter]) =>
  (OPTIONS[name] ?? [{}]).map((options) => {
    const configured = adapter.configure(options);
    if (!configured.ok) throw new Error(`${name}: ${JSON.stringify(configured.problems)}`);
    return [`${name} ${JSON.stringify(options)}`, configured.adapt] as const;
  }),
);

/** One sample per decoding; other options of an adapter decode the same way. */
const decoders = adapts.filter(
  ([name], at) => name.startsWith('mapping') || name.split(' ')[0] !== adapts[at - 1]?.[0].split(' ')[0],
);

const samples: readonly Message[] = allSamples().flatMap(messagesOf);
const CONTEXT: PayloadContext = { device: 'device', arrivalMs: Date.parse('2026-11-26T00:00:00Z') };

/** Runs all adapters, twice; a failed assertion names the adapter. */
function checkAll(payload: Uint8Array, some: Partial<PayloadContext> = {}): number {
  return checkEach(payload, some, adapts, (name, adapted, context, adapt) => {
    const again = adapt(payload, context);
    if (!isDeepStrictEqual(again, adapted)) expect([name, again]).toStrictEqual([name, adapted]);
  });
}

/** @param more another check of what an adapter returned */
function checkEach(
  payload: Uint8Array,
  some: Partial<PayloadContext> = {},
  of = adapts,
  more: (name: string, adapted: AdaptedPayload, context: PayloadContext, adapt: Adapt) => void = () => undefined,
): number {
  const context = { ...CONTEXT, ...some };
  let readings = 0;
  for (const [name, adapt] of of) {
    const adapted = adapt(payload, context);
    const problems = problemsOf(adapted);
    if (problems.length > 0) expect([name, problems]).toEqual([name, []]);
    more(name, adapted, context, adapt);
    readings += adapted.readings.length;
  }
  return readings;
}

function problemsOf({ readings, rejected, skipped }: AdaptedPayload): readonly string[] {
  const problems: string[] = [];
  for (const { dpuId, reading } of readings) {
    if (!/^[\x21-\x7e]{1,128}$/.test(dpuId)) problems.push(`DPU ${dpuId}`);
    const { timestampMs, id } = reading;
    if (timestampMs !== null && !isInstant(timestampMs)) problems.push(`time ${timestampMs}`);
    if (id !== undefined && !/^[\x21-\x7e]{1,128}$/.test(id)) problems.push(`id ${id}`);
    if ('direction' in reading) {
      if (Math.abs(reading.direction) !== 1) problems.push(`direction ${reading.direction}`);
    } else if ('entrances' in reading) {
      if (!isCount(reading.entrances) || !isCount(reading.exits)) problems.push('counts');
      const start = reading.startMs;
      if (start !== undefined && !(isInstant(start) && start <= (timestampMs ?? start)))
        problems.push(`start ${start}`);
    } else if (!isCount(reading.totalEntrances) || !isCount(reading.totalExits)) problems.push('totals');
  }
  if (rejected.some(({ detail }) => detail === '' || detail.startsWith('the adapter failed')))
    problems.push(JSON.stringify(rejected));
  if (readings.length > 10_000 || rejected.length > 102 || skipped.length > 100) problems.push('more than the bounds');
  return problems;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isInstant = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0 && ms < 253_402_300_799_999;

/** A document of a sample with a place in it replaced, removed or doubled. */
const mutatedDocument = fc
  .tuple(
    fc.constantFrom(...samples.filter(({ payload }) => payload[0] === 0x7b)),
    fc.array(fc.tuple(fc.nat(), fc.oneof(fc.jsonValue(), fc.constantFrom(...ODD_VALUES()))), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([{ payload, context }, mutations]) => {
    const document: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    // A copy each time: a value placed inside itself would be no JSON.
    for (const [at, value] of mutations) mutate(document, at, structuredClone(value));
    return { payload: Buffer.from(JSON.stringify(document)), context: context ?? {} };
  });

function ODD_VALUES(): unknown[] {
  return [
    -1,
    1.5,
    1e300,
    2 ** 53,
    '',
    ' ',
    'constructor',
    '__proto__',
    'NaN',
    '12',
    '-1',
    null,
    true,
    [],
    {},
    [[]],
    '9999-12-31T23:59:59-15:00',
  ];
}

function mutate(document: unknown, at: number, value: unknown): void {
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, inner] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, key]);
      walk(inner);
    }
  };
  walk(document);
  const [holder, key] = places[at % Math.max(1, places.length)] ?? [];
  if (!holder || key === undefined) return;
  if (at % 3 === 0) delete holder[key];
  else holder[key] = at % 3 === 1 ? value : [holder[key], structuredClone(holder[key])];
}

/** A sample with some bytes changed, cut out or repeated. */
const mutatedBytes = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(20)), { minLength: 1, maxLength: 5 }),
  )
  .map(([{ payload, context }, mutations]) => {
    let bytes = Buffer.from(payload);
    for (const [where, byte, length] of mutations) {
      const at = where % Math.max(1, bytes.length);
      if (length < 10) bytes[at] = byte;
      else if (length < 15) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - length))]);
    }
    return { payload: bytes, context: context ?? {} };
  });

describe('adapters', () => {
  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.string({ maxLength: 60 }), (bytes, contentType) => {
        checkAll(bytes, { contentType, topic: contentType });
      }),
      { numRuns: 200 },
    );
  });

  it('survive any JSON, and any CSV', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.array(fc.array(fc.string())).map((rows) => rows.join('\n')),
        ),
        (text) => {
          checkAll(Buffer.from(text));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('survive samples with other values in them', () => {
    let readings = 0;
    fc.assert(
      fc.property(mutatedDocument, ({ payload, context }) => {
        readings += checkAll(payload, context);
      }),
      { numRuns: 600 },
    );
    expect(readings).toBeGreaterThan(300);
  });

  it('survive samples with other bytes in them', () => {
    let readings = 0;
    fc.assert(
      fc.property(mutatedBytes, ({ payload, context }) => {
        readings += checkAll(payload, context);
      }),
      { numRuns: 400 },
    );
    expect(readings).toBeGreaterThan(10);
  });

  it.each([
    ['levels of lists', '['.repeat(500_000)],
    ['levels of objects', '{"a":'.repeat(200_000)],
    ['levels of elements', '<a>'.repeat(300_000)],
    ['quotes that are never closed', `{"${'\\"'.repeat(500_000)}`],
    ['a CSV whose quote is never closed', `a,"${'""'.repeat(400_000)}`],
    ['white space inside', `{"a":1${' '.repeat(1_000_000)}x`],
    ['NUL bytes', '\0'.repeat(1_048_576)],
    ['empty objects', `[${'{},'.repeat(300_000)}{}]`],
    ['alerts', `<a>${'<EventNotificationAlert/>'.repeat(40_000)}</a>`],
    ['entities', `<!DOCTYPE a [<!ENTITY b "${'c'.repeat(1_000)}">]><a>${'&b;'.repeat(100_000)}</a>`],
    ['attributes', `<a ${'b="c" '.repeat(150_000)}/>`],
    ['parts', `--b\r\n\r\n${'<a/>\r\n--b\r\n\r\n'.repeat(60_000)}\r\n--b--`],
    ['almost boundaries', `--b\r\n\r\n${'\r\n--'.repeat(250_000)}`],
    ['columns', `${'a,'.repeat(500_000)}\n`],
    ['lines', 'a,b\n'.repeat(250_000)],
    ['frames', `{"live_data":{"frames":[${'{"events":[{}]},'.repeat(60_000)}{}]}}`],
    ['counts of wrong types', `{"line_periodic_data":[${'{"in":"x"},'.repeat(90_000)}{}]}`],
    ['more than a message holds', `"${'a'.repeat(1_100_000)}"`],
  ])('bound the work on many %s', (_, text) => {
    checkEach(Buffer.from(text), {}, decoders);
  });

  it('limit the number of readings of a payload', () => {
    const record = (at: number): object => ({ from: at, to: at + 1, counts: [{ name: 'fw', value: 1 }] });
    const records = Array.from({ length: 11_000 }, (_, n) => record(1_700_000_000_000 + n));
    const payload = Buffer.from(JSON.stringify({ logics_data: { logics: [{ id: 1, records }] } }));
    const adapted = ADAPTERS.get('xovis')!.configure({});
    if (!adapted.ok) throw new Error('xovis');
    const { readings, rejected } = adapted.adapt(payload, CONTEXT);
    expect(readings).toHaveLength(10_000);
    expect(rejected).toEqual([{ detail: 'has more than 10000 readings: the rest does not count' }]);
  });
});

describe('corrections', () => {
  const people = fc.record({
    timestampMs: fc.constantFrom(2_000, 3_000, null),
    startMs: fc.constantFrom(0, 1_000),
    entrances: fc.nat(3),
    exits: fc.nat(3),
    revision: fc.nat(2),
  });
  const adapted = people.map((reading) => ({ dpuId: 'x', device: 'x', reading }));

  it('lead to the same readings in any order', () => {
    fc.assert(
      fc.property(fc.array(adapted, { maxLength: 12 }), fc.nat(), (readings, seed) => {
        const rotated = [...readings.slice(seed % 12), ...readings.slice(0, seed % 12)];
        const sorted = (all: typeof readings): string[] =>
          withoutCorrected(all)
            .map((one) => JSON.stringify(one))
            .sort();
        expect(sorted(rotated.reverse())).toEqual(sorted(readings));
      }),
    );
  });

  it('have a winner for any two different readings of an interval', () => {
    fc.assert(
      fc.property(people, people, (a, b) => {
        const [x, y] = [
          { ...a, timestampMs: 2_000, startMs: 0 },
          { ...b, timestampMs: 2_000, startMs: 0 },
        ];
        const isSame = JSON.stringify(x) === JSON.stringify(y);
        expect([supersedes(x, y), supersedes(y, x)].filter(Boolean)).toHaveLength(isSame ? 0 : 1);
      }),
    );
  });
});
