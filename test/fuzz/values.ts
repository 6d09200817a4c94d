// Values for the schemas of the document: valid ones, ones at the limits, and attacks.
import fc from 'fast-check';
import type { Random } from '../simulation/random.ts';
import type { Api, Schema } from './document.ts';

export type Care = 'valid' | 'borderline' | 'hostile';

const NAMES = 200;
const IDS = 20;
const DAY_MS = 86_400_000;
const JUST_NOW_MS = 500;

/**
 * Constraints on fields that a schema cannot express. Without them hardly a request would pass the first validation.
 */
const MEANT: Readonly<Record<string, (random: Random) => unknown>> = {
  name: (random) => `n${random.int(1, NAMES)}`,
  time_zone: (random) =>
    random.pick(['UTC', 'Europe/Vienna', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Kathmandu']),
  id: (random) => `d${random.int(1, IDS)}`,
  dpu_id: (random) => random.pick([`d${random.int(1, IDS)}`, random.int(1, 99)]),
  interval: (random) => random.pick(['1m', '7m', '15m', '1h', '12h', '23h', '1d', '1w', '1M']),
  capacity: (random) => random.int(0, 500),
  count: (random) => random.int(0, 500),
  filter: (random) => random.pick(FILTERS),
  // A moment of which something was recorded: places were, while the service ran.
  since: () => new Date(Date.now() - JUST_NOW_MS).toISOString(),
  from: (random) => `2018-01-${random.int(10, 28)}T00:00:00Z`,
  cursor: (random) =>
    cursorOf([random.int(0, 2_000_000_000_000), `d1~${random.int(0, 2_000_000_000)}~+`, random.int(0, 100)]),
};

const FILTERS = [
  'id = 1',
  "name = 'n1'",
  'capacity > 3 and not (id in (1, 2))',
  "timestamp > '2018-01-01'",
  "timestamp >= '2026-01-01T00:00:00Z' and count >= 0",
  'direction = -1',
  'doorway_id is null',
  "dpu_id in ('d1', 'd2') or direction = 1",
  'delta = 1',
  'space_id = 1',
  'net < 0',
  "reading_id = 'd1~1~+'",
  "created_at < '2030-01-01'",
  '',
];

const cursorOf = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');

/** Longer than any field. A request has at most 16 kB of headers. */
const LONG = 'x'.repeat(6_000);
const NASTY: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\u{1F600}',
  '\u202Eabc',
  'e\u0301',
  '\uFEFF',
  LONG,
  '-1',
  '0',
  '00',
  '+1',
  '1.5',
  '1e3',
  '0x10',
  '\uFF11',
  'NaN',
  'Infinity',
  '-0',
  '4294967296',
  '9007199254740993',
  '99999999999999999999',
  '999999999999999',
  'null',
  'undefined',
  'true',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '..',
  '.',
  '*',
  '>',
  'a.b',
  'a b',
  "' OR 1=1 --",
  "'; DROP TABLE counts; --",
  '" or ""="',
  '\\',
  "\\'",
  '{x:String}',
  '%s%n',
  '${7*7}',
  '<script>',
  'a\r\nset-cookie: b',
  '\t',
  '\u0085',
  '\u2028',
  '1,2',
  ',',
  '1,',
  '1,,2',
  `${'1,'.repeat(1_500)}1`,
  'stream',
  'intervals',
  'batch',
  'current',
];
const NASTY_INSTANTS: readonly string[] = [
  '2018-02-29T00:00:00Z',
  '2018-02-24T24:00:00Z',
  '2018-02-24T23:59:60Z',
  '2018-02-24T08:45:21',
  '2018-02-24',
  '0000-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  '+010000-01-01T00:00:00Z',
  '2018-02-24T08:45:21.8931234567Z',
  '2018-02-24T08:45:21 01:00',
  '1e400',
  'now',
  '275760-09-13T00:00:00.001Z',
];
const EDGE_INSTANTS: readonly string[] = [
  '1970-01-01T00:00:00Z',
  '1970-01-01T00:00:00.001Z',
  '9999-12-31T23:59:59.998Z',
  '9999-12-31T23:59:59.999Z',
  '2020-02-29T23:59:59.999Z',
  '2018-03-25T02:30:00+01:00',
  '2018-02-24T08:45Z',
  '2018-02-24T08:45:21+23:59',
  '2018-02-24T08:45:21-23:59',
  '2018-02-24T08:45:21.893123456Z',
  '2106-02-07T06:28:16Z',
  '2038-01-19T03:14:08Z',
  '2299-12-31T23:59:59Z',
  '1970-01-01T00:00:00+00:01',
];
const NASTY_FILTERS: readonly string[] = [
  `${'('.repeat(3_000)}id = 1${')'.repeat(3_000)}`,
  `${'not '.repeat(1_500)}id = 1`,
  `id = 1${' or id = 1'.repeat(600)}`,
  `id in (${'1,'.repeat(1_500)}1)`,
  "name = 'it''s'",
  'id = 1e400',
  'id = -1',
  'id = 1.5',
  'id = 99999999999999999999999',
  'direction = 300',
  'doorway_id = 4294967296',
  'doorway_id = -1',
  'doorway_id = 0.1',
  'count = 1e30',
  "timestamp = '1969-01-01'",
  "timestamp > '9999-12-31T23:59:59.999Z'",
  "timestamp = ''",
  "dpu_id = '\\0'",
  "dpu_id = '\\\\'",
  "dpu_id < '\u{1F600}'",
  "id > ''",
  'id = null',
  'id is not null',
  '= 1',
  'id =',
  "id = '",
  'a = b',
  'id = 1; select 1',
  '-- x',
  '/* x */ id = 1',
  'id = id',
  'and',
  ')',
  "not (timestamp > '2018-01-01')",
  "timestamp > '2018-01-01' and timestamp < '2017-01-01'",
  "timestamp < '1970-01-01T00:00:00Z'",
  'id in ()',
  'direction in (1, 2, 3, 256, -129)',
  '__proto__ = 1',
  'constructor = 1',
];
const NASTY_CURSORS: readonly string[] = [
  [1e15, 'a', 1],
  [-1, 'a', 1],
  [Number.MAX_SAFE_INTEGER, '', 1],
  [253_402_300_800_000, 'd1~1~+', 1],
  [1, 'x'.repeat(200), 1],
  [1, '\0', 1],
  [1, "'", 1],
  [1.5, 'a', 1],
  [1, 'a', -1],
  [1, 'a'],
  [],
  {},
  null,
  'x',
  [1, 'a', 1, { spaceId: 1, block: 1, resetMs: 0, resetCount: 0, count: 0, net: 0 }],
  [1, 'a', 1, { spaceId: -1, block: -1, resetMs: 1e300, resetCount: -5, count: 0, net: -1e15 }],
  [1, 'a', 1, { spaceId: 2, block: 4_294_967_296, resetMs: -1.5, resetCount: 1, count: 1, net: 1 }],
  [1, 'a', Number.MAX_SAFE_INTEGER],
].map(cursorOf);
const DICTIONARIES: Readonly<Record<string, readonly string[]>> = { filter: NASTY_FILTERS, cursor: NASTY_CURSORS };
const NOT_STRINGS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e21,
  1e308,
  Number.MAX_SAFE_INTEGER,
  4_294_967_296,
  2 ** 53,
  [],
  {},
  [[]],
  [null],
  { toString: 1 },
  { length: 1e9 },
];

const patterns = new Map<string, fc.Arbitrary<string>>();

function matching(pattern: string, random: Random): string {
  let arbitrary = patterns.get(pattern);
  if (!arbitrary) patterns.set(pattern, (arbitrary = fc.stringMatching(new RegExp(pattern))));
  return fc.sample(arbitrary, { seed: random.int(0, 0x7fff_ffff), numRuns: 1 })[0] ?? '';
}

function instant(random: Random, nowMs: number): string {
  const ms = random.chance(0.5)
    ? nowMs - random.int(0, 2 * DAY_MS)
    : random.int(1_500_000, 1_790_000) * 1_000_000 + random.int(0, 999_999);
  return new Date(ms).toISOString();
}

export class Values {
  readonly #api: Api;
  readonly #random: Random;
  readonly #nowMs: number;

  constructor(api: Api, random: Random, nowMs: number) {
    this.#api = api;
    this.#random = random;
    this.#nowMs = nowMs;
  }

  /** @param name the field or parameter */
  of(name: string, given: Schema, care: Care): unknown {
    const schema = this.#api.resolve(given);
    if (care === 'valid') return this.#valid(name, schema);
    return care === 'borderline' ? this.#borderline(name, schema) : this.#hostile(name, schema);
  }

  /** For a URL or a header. */
  textOf(name: string, schema: Schema, care: Care): string {
    const value = this.of(name, schema, care);
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  #valid(name: string, schema: Schema): unknown {
    const random = this.#random;
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return random.pick(schema.enum);
    const meant = MEANT[name];
    const types = typesOf(schema);
    if (meant && (types.includes('string') || schema.anyOf || types.length === 0 || types.includes('integer'))) {
      const value = meant(random);
      if (typeof value !== 'string' || !types.includes('integer')) return value;
    }
    if (schema.anyOf) return this.of(name, random.pick(schema.anyOf), 'valid');
    switch (random.pick(types)) {
      case 'null':
        return null;
      case 'boolean':
        return random.chance(0.5);
      case 'integer':
      case 'number':
        return random.int(Math.max(schema.minimum ?? 0, 0), Math.min(schema.maximum ?? IDS, IDS));
      case 'array':
        return Array.from({ length: random.int(0, 5) }, () => this.of(name, schema.items ?? {}, 'valid'));
      case 'object':
        return this.#object(schema, 'valid');
      case 'string': {
        if (schema.format === 'date-time') return instant(random, this.#nowMs);
        if (schema.examples && random.chance(0.5)) return random.pick(schema.examples);
        if (schema.pattern !== undefined) return matching(schema.pattern, random);
        return 'x'.repeat(random.int(schema.minLength ?? 1, Math.min(schema.maxLength ?? 20, 20)));
      }
      default:
        return random.pick([null, 1, 'x']);
    }
  }

  /** At the limits of the schema, and just past them. */
  #borderline(name: string, schema: Schema): unknown {
    const random = this.#random;
    if (schema.anyOf) return this.of(name, random.pick(schema.anyOf), 'borderline');
    const types = typesOf(schema);
    if (types.includes('object')) return this.#object(schema, 'borderline');
    if (types.includes('array'))
      return Array.from({ length: random.pick([0, 1, 1_000]) }, () =>
        this.of(name, schema.items ?? {}, random.pick(['valid', 'borderline'])),
      );
    if (types.includes('integer'))
      return random.pick(edges(schema.minimum ?? 0, schema.maximum ?? Number.MAX_SAFE_INTEGER));
    if (schema.format === 'date-time') return random.pick(EDGE_INSTANTS);
    if (schema.maxLength !== undefined || schema.minLength !== undefined)
      return 'n'.repeat(Math.max(0, random.pick(edges(schema.minLength ?? 0, schema.maxLength ?? 1_000))));
    if (schema.pattern !== undefined) {
      const text = matching(schema.pattern, random);
      return random.pick([
        text,
        `${text} `,
        ` ${text}`,
        `${text}\n`,
        text.slice(1),
        text.repeat(9),
        text.toUpperCase(),
      ]);
    }
    const known = DICTIONARIES[name];
    return known ? random.pick(known) : this.#valid(name, schema);
  }

  #hostile(name: string, schema: Schema): unknown {
    const random = this.#random;
    if (typesOf(schema).includes('object') && random.chance(0.7)) return this.#object(schema, 'hostile');
    if (schema.items && random.chance(0.5))
      return Array.from({ length: random.int(0, 20) }, () => this.of(name, schema.items ?? {}, 'hostile'));
    const known = DICTIONARIES[name];
    if (known && random.chance(0.6)) return random.pick(known);
    if (random.chance(0.25)) return random.pick(NASTY_INSTANTS);
    return random.chance(0.6) ? random.pick(NASTY) : random.pick(NOT_STRINGS);
  }

  #object(schema: Schema, care: Care): unknown {
    const random = this.#random;
    const { properties = {}, required = [] } = schema;
    const form = random.pick(FORMS);
    /** Entrances and exits are both required. */
    const formOf = (key: string): string => key.replace('exits', 'entrances');
    const isAlways = (key: string): boolean => required.includes(key) || formOf(key) === form;
    const entries = Object.entries(properties)
      .filter(([key]) => care === 'hostile' || formOf(key) === form || !FORMS.includes(formOf(key)))
      .filter(([key]) => care === 'hostile' || (OPTIONAL_IN[key] ?? form) === form)
      .filter(([key]) => random.chance(isAlways(key) ? (care === 'hostile' ? 0.8 : 1) : 0.5))
      .map(([key, property]): [string, unknown] => [
        key,
        this.of(key, property, care === 'valid' || random.chance(0.5) ? 'valid' : care),
      ]);
    if (care === 'hostile' && random.chance(0.3)) entries.push([random.pick(NASTY), random.pick(NOT_STRINGS)]);
    // Not by assignment, so that a key such as __proto__ is sent.
    return Object.fromEntries(entries);
  }
}

/** The fields that distinguish the forms of a reading. The document requires exactly one of them only in its text. */
const FORMS = ['direction', 'entrances', 'total_entrances'];
const OPTIONAL_IN: Readonly<Record<string, string>> = {
  start: 'entrances',
  revision: 'entrances',
  counter_epoch: 'total_entrances',
};

function typesOf({ type }: Schema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type;
}

function edges(minimum: number, maximum: number): number[] {
  return [minimum, minimum + 1, minimum - 1, maximum, maximum - 1, maximum + 1];
}
