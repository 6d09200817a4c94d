// The declarative adapter: what its description may say, and what it makes of payloads.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ADAPTERS } from '../../../src/adapters/adapters.ts';
import { adaptAll, counted, json } from '../../support/device-samples.ts';

const TOTALS = { kind: 'total', entrances: '$.in', exits: '$.out' };

describe('a description', () => {
  it.each<[string, object, string, string]>([
    ['without a kind', { entrances: '$.in' }, 'kind', 'Invalid option'],
    ['of another kind', { ...TOTALS, kind: 'people' }, 'kind', 'Invalid option'],
    ['with a word of its own', { ...TOTALS, colour: 'red' }, '', 'Unrecognized key'],
    ['without counts', { kind: 'interval' }, 'entrances', 'is required, or exits'],
    ['of events without counts or a direction', { kind: 'event' }, 'direction', 'is required, or entrances or exits'],
    [
      'with a path that is none',
      { ...TOTALS, time: 'timestamp' },
      'time',
      'must be a JSONPath that begins with $ (the document) or @ (the item)',
    ],
    ['with a path of many places', { ...TOTALS, time: '$.a[*]' }, 'time', 'must name a single place'],
    ['with a path that does not end', { ...TOTALS, time: '$.a[' }, 'time', 'is not a JSONPath'],
    ['with items of an item', { ...TOTALS, items: '@.a[*]' }, 'items', 'must be a JSONPath that begins with $'],
    ['with functions', { ...TOTALS, items: "$[?match(@.a, '(a+)+b')]" }, 'items', 'is not a JSONPath'],
    [
      'that looks around in filters',
      { ...TOTALS, items: '$.a[?$.b[*]]' },
      'items',
      'must not contain $ after its beginning',
    ],
    ['that descends twice', { ...TOTALS, items: '$..a..b' }, 'items', 'must not contain .. more than once'],
    [
      'that descends in a filter too',
      { ...TOTALS, items: '$..a[?@..b]' },
      'items',
      'must not contain .. more than once',
    ],
    ['with a long path', { ...TOTALS, items: `$.${'a'.repeat(500)}` }, 'items', 'must have at most 500 characters'],
    ['with a zone of nowhere', { ...TOTALS, time_zone: 'Europe/Atlantis' }, 'time_zone', 'must be an IANA time zone'],
    ['with a start of totals', { ...TOTALS, start: '$.from' }, 'start', 'is for intervals'],
    [
      'with an epoch of intervals',
      { ...TOTALS, kind: 'interval', counter_epoch: '$.boot' },
      'counter_epoch',
      'is for totals',
    ],
    ['with a preamble of JSON', { ...TOTALS, preamble: true }, 'preamble', 'is for CSV'],
    ['with names of no lines', { ...TOTALS, lines: { a: 'b' } }, 'lines', 'needs line'],
    [
      'with a direction of totals',
      { ...TOTALS, direction: { path: '$.d', entrance: [1], exit: [2] } },
      'direction',
      'is for events',
    ],
    [
      'whose directions are the same',
      { kind: 'event', direction: { path: '$.d', entrance: ['1'], exit: [1] } },
      'direction.exit',
      'must not have a value that entrance has too',
    ],
    [
      'whose direction has no path',
      { kind: 'event', direction: { entrance: ['1'], exit: [2] } },
      'direction.path',
      'Invalid input',
    ],
  ])('%s', (_, options, path, detail) => {
    const configured = ADAPTERS.get('mapping')!.configure(options);
    expect(configured.ok ? [] : configured.problems).toContainEqual({
      path,
      detail: expect.stringContaining(detail) as string,
    });
  });

  it('may have names with a dollar and two dots in quotes', () => {
    const options = { ...TOTALS, items: "$['a..b$'][?@['..']]" };
    expect(ADAPTERS.get('mapping')!.configure(options)).toMatchObject({ ok: true });
  });
});

const run = (options: object, document: unknown): ReturnType<typeof adaptAll>[number] =>
  adaptAll('mapping', options, [json(document)])[0]!;

describe('a mapped payload', () => {
  it('without device and time has those of the transport and the arrival', () => {
    expect(run(TOTALS, { in: 3, out: '4' }).readings).toEqual([
      { dpuId: 'device', reading: { timestampMs: null, totalEntrances: 3, totalExits: 4 } },
    ]);
  });

  it('takes each field from the item, or from the document', () => {
    const options = {
      kind: 'interval',
      items: '$.doors[*].rows[*]',
      device: '$.serial',
      line: '@.door',
      lines: { '1': 'front' },
      start: '@.from',
      time: '@.to',
      time_zone: 'Asia/Kathmandu',
      date_order: 'dmy',
      entrances: '@.n[0]',
      exits: '@.n[1]',
      id: '@.no',
    };
    const row = { door: 1, from: '03/11/2026 08:00', to: '03/11/2026 09:00', n: [5, 6], no: 8 };
    const { readings } = run(options, { serial: 'S', doors: [{ rows: [row, { ...row, door: 'back' }] }] });
    expect(readings).toEqual(
      ['front', 'back'].map((line) => ({
        dpuId: `S/${line}`,
        reading: {
          timestampMs: Date.UTC(2026, 10, 3, 3, 15),
          startMs: Date.UTC(2026, 10, 3, 2, 15),
          entrances: 5,
          exits: 6,
          id: '8',
        },
      })),
    );
  });

  it('counts events by their direction, which may be a word, a number or a truth', () => {
    const options = {
      kind: 'event',
      items: '$[*]',
      time: '@.t',
      direction: { path: '@.d', entrance: ['in', 1, true], exit: ['out', 0, false] },
    };
    const at = (d: unknown, n: number): object => ({ d, t: 1_793_692_800 + n });
    const adapted = run(options, [['in', 1, true, 'out', 0, false, 'x', null].map(at)].flat());
    expect(counted([adapted]).map((text) => text.slice(-3))).toEqual(['1/0', '1/0', '1/0', '0/1', '0/1', '0/1']);
    expect(adapted.rejected).toEqual([
      { path: "$[6]['d']", detail: 'is neither an entrance nor an exit' },
      { path: "$[7]['d']", detail: 'is missing: a direction' },
    ]);
  });

  it('counts several people of one event, and nobody of none', () => {
    const options = { kind: 'event', items: '$[*]', time: '@.t', entrances: '@.in' };
    expect(
      counted([
        run(options, [
          { t: 1_793_692_800, in: 2 },
          { t: 1_793_692_801, in: 0 },
        ]),
      ]),
    ).toEqual(['device  2026-11-03T08:00:00Z  2/0']);
  });

  it('restarts its totals with another epoch', () => {
    const options = { ...TOTALS, time: '$.t', counter_epoch: '$.boot' };
    const messages = [
      { t: 1_793_692_800, in: 3, out: 3, boot: 1 },
      { t: 1_793_692_860, in: 5, out: 4, boot: 2 },
    ].map(json);
    expect(counted(adaptAll('mapping', options, messages))[1]).toBe('device  2026-11-03T08:01:00Z  5/4');
  });

  it('names the path of what is wrong', () => {
    const options = { kind: 'interval', items: '$.rows[*]', time: '@.to', line: '@.line', entrances: '@.in' };
    const right = { to: 1_793_692_800, line: 'a', in: 1 };
    const rows = [{ ...right, in: -1 }, { ...right, to: 'x' }, { ...right, line: null }, 7, right];
    const { readings, rejected } = run(options, { rows });
    expect(readings).toHaveLength(1);
    expect(rejected.map(({ path }) => path)).toEqual([
      "$['rows'][0]['in']",
      "$['rows'][1]['to']",
      "$['rows'][2]['line']",
      "$['rows'][3].line",
    ]);
  });

  it('that is a list has its elements as items', () => {
    expect(run({ kind: 'event', entrances: '@.in' }, [{ in: 1 }, { in: 2 }]).readings).toHaveLength(2);
  });

  it('has no readings if it has no items', () => {
    expect(run({ ...TOTALS, items: '$.a[*]' }, { b: 1 })).toEqual({ readings: [], rejected: [], skipped: [] });
  });
});

describe('a mapped CSV', () => {
  const options = { kind: 'interval', format: 'csv', delimiter: ';', time: '@.to', entrances: "@['people in']" };
  const csv = (text: string): ReturnType<typeof adaptAll>[number] =>
    adaptAll('mapping', options, [{ payload: Buffer.from(text) }])[0]!;

  it('has quotes, CRLF, a byte order mark, short lines and a column called __proto__', () => {
    const text = '\uFEFFto;"people in";__proto__\r\n"2026-11-03T08:00:00Z"; 4 ;x\r\n\r\n2026-11-03T09:00:00Z;1.0\r\n';
    expect(counted([csv(text)])).toEqual(['device  2026-11-03T08:00:00Z  4/0', 'device  2026-11-03T09:00:00Z  1/0']);
  });

  it('says which row is wrong', () => {
    expect(csv('to;people in\n2026-11-03T08:00:00Z;many\n').rejected).toMatchObject([{ path: "rows[0]['people in']" }]);
    expect(csv('to;people in\n"2026').rejected).toMatchObject([
      { detail: expect.stringContaining('is not CSV') as string },
    ]);
  });
});

describe('docs/devices.md', () => {
  const text = readFileSync(new URL('../../../docs/devices.md', import.meta.url), 'utf8');

  it.each([...ADAPTERS.keys()])('says what %s is for', (name) => {
    expect(text).toContain(`\n| \`${name}\` |`);
  });

  it('describes every option of a mapping, and of the others', () => {
    for (const adapter of ADAPTERS.values()) {
      const schema = z.toJSONSchema(adapter.options, { io: 'input' });
      for (const option of Object.keys(schema.properties ?? {})) expect(text).toContain(`\`${option}\``);
    }
  });

  it('has examples that are valid', () => {
    const examples = [...text.matchAll(/```json\n([^`]*)```|`(\{"kind"[^`]*\})`/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    expect(examples).toHaveLength(2);
    for (const example of examples)
      expect(ADAPTERS.get('mapping')!.configure(JSON.parse(example))).toMatchObject({ ok: true });
  });
});
