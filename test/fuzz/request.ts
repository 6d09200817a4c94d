// A request of the fuzzer. It depends only on the seed, its number and the document.
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Random } from '../simulation/random.ts';
import type { Api, Operation, Parameter } from './document.ts';
import { Values, type Care } from './values.ts';

export interface FuzzRequest {
  readonly number: number;
  readonly care: Care;
  /** The operation it was made for; a hostile path may address another. */
  readonly operation: Operation;
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
}

export interface Tokens {
  readonly admin: string;
  readonly reader: string;
}

const CARES = { valid: 4, borderline: 3, hostile: 4 } as const;
const OTHER_METHODS = [
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'M-SEARCH',
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
];
const PATH_JUNK = [
  '%',
  '%zz',
  '%00',
  '%C0%80',
  '%2F',
  '%2e%2e%2f',
  '..',
  '.',
  '%E0%A4%A',
  '1%20',
  '1;x=2',
  '1?',
  '~',
  "'",
  '(',
  '%F0%9F%98%80',
  ':id',
  '*',
];
const QUERY_JUNK = [
  '__proto__=1',
  'constructor=1',
  '=',
  '&&',
  '%',
  '%zz=1',
  'limit=1&limit=2',
  'limit[]=1',
  'filter[id]=1',
  'sort=id&sort=name',
  'x'.repeat(3_000),
  'a=1',
  'desc',
  'desc&desc',
  'offset=1&offset=',
  'toString=1',
];
/** The value of a header, in Latin-1. */
const HEADER_JUNK: Readonly<Record<string, readonly string[]>> = {
  accept: [
    '*/*;q=0',
    'text/csv',
    'text/csv;q=0.1, application/json;q=0.2',
    'application/json;q=0',
    ';;;',
    '',
    'text/html',
    'constructor',
    '*',
    'a/b/c',
    `${'a/b,'.repeat(1_000)}`,
    'text/csv;q=x',
    'application/xml',
  ],
  'accept-encoding': [
    '*;q=0',
    'identity;q=0',
    'gzip',
    'deflate',
    'br',
    'gzip;q=x',
    ';;;',
    '',
    '__proto__',
    '*',
    'gzip, *;q=0',
    'identity;q=0, *;q=0',
    '\u00FF',
  ],
  'accept-language': ['*;q=0', '', '\u00E4'],
  'accept-charset': ['*;q=0', 'utf-16'],
  'if-match': ['*', '"x"', 'W/"x"', '', ',', '"', '"x", "y"', '\u00FF'],
  'if-none-match': ['*', '"x"', 'W/"x"', '', ',', '"', '*, "x"', '\u00FF'],
  'if-modified-since': ['never', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  'last-event-id': [
    '1.abc.2',
    '',
    '0.zzzzzzzz.99999999999',
    '-1.x.-1',
    '1.1.1,2.2.2',
    '\u00FF',
    '9'.repeat(3_000),
    '__proto__',
    '0.a.1e308',
    '..',
    '1.mie4x2a1.2,1.mie4x2a1.3',
  ],
  range: ['bytes=0-1', 'bytes=-1', 'x'],
  expect: ['100-continue', 'wonders', ''],
  origin: ['https://a.example', 'null', '\u00FF', ''],
  'access-control-request-method': ['PATCH', 'x'],
  traceparent: [
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '00-0-0-0',
    'x',
    '',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ],
  'x-request-id': ['mine', '', '\u00FF', 'x'.repeat(500), '"', '__proto__'],
  'x-forwarded-for': ['1.2.3.4', '\u00FF'],
  'x-http-method-override': ['DELETE'],
  cookie: ['a=b', ';;;=', '\u00FF'],
  upgrade: ['websocket', 'h2c'],
  'content-encoding': ['gzip', 'deflate', 'br', 'identity', 'zstd', 'x', '', 'gzip, gzip'],
  'content-type': [
    'application/json; charset=utf-16',
    'application/json; charset=x',
    'application/json;;;',
    'text/csv',
    'application/x-ndjson',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    '',
    '/',
    'application/vnd.x+json',
    'text/plain',
    'a',
    'json',
    'application/json, text/csv',
  ],
  'user-agent': ['', '\u00FF'],
};
const NO_TOKENS = ['Basic eDp5', 'Bearer', 'Bearer  ', '', 'bearer a.b.c', '\u00FF'];
/** Objects with higher ids may be deleted. */
export const IDS_KEPT = 5;
/** How many resets each of those spaces has, and how many exclusions each sensor. */
export const PARTS = 6;

/** Unique for each request of each run. */
function randomOf(seed: number, number: number): Random {
  return new Random((Math.imul(seed, 0x9e37_79b1) ^ Math.imul(number + 1, 0x85eb_ca6b)) | 0);
}

/** @param nowMs the time of the run; some readings are from just before it */
export function requestOf(api: Api, tokens: Tokens, seed: number, number: number, nowMs: number): FuzzRequest {
  const random = randomOf(seed, number);
  const care = random.weighted(CARES);
  const operation = random.pick(api.operations);
  const values = new Values(api, random, nowMs);
  const body = bodyOf(api, operation, care, random, values);
  const method =
    care === 'hostile' && random.chance(0.05)
      ? random.pick(OTHER_METHODS)
      : operation.method === 'GET' && random.chance(0.05)
        ? 'HEAD'
        : operation.method;
  const path = api.prefix + pathOf(operation, care, random, values) + queryOf(operation, care, random, values);
  const headers = headersOf(operation, care, random, values, tokens, body);
  return { number, care, operation, method, path, headers, body: body?.bytes };
}

const inPlace = ({ parameters }: Operation, place: Parameter['in']): readonly Parameter[] =>
  parameters.filter((each) => each.in === place);
/** Parts of an invalid request may be valid. */
const careOf = (care: Care, random: Random): Care => (care === 'valid' || random.chance(0.5) ? 'valid' : care);

function pathOf(operation: Operation, care: Care, random: Random, values: Values): string {
  let path = operation.path;
  for (const { name, schema } of inPlace(operation, 'path')) {
    const junk = care === 'hostile' && random.chance(0.2);
    const value = junk
      ? random.pick(PATH_JUNK)
      : encodeURIComponent(pathValue(operation, name, values, careOf(care, random), random, schema));
    // An empty segment would make it another path.
    path = path.replace(`{${name}}`, () => value || '0');
  }
  return care === 'hostile' && random.chance(0.03)
    ? random.pick([`${path}/`, `${path}//`, `/${path}`, `${path}/x`, path.toUpperCase(), `${path};x`])
    : path;
}

/** Mostly ids of existing objects. */
function pathValue(
  { path, method }: Operation,
  name: string,
  values: Values,
  care: Care,
  random: Random,
  schema: Parameter['schema'],
): string {
  if (care !== 'valid' || random.chance(0.1)) return values.textOf(name, schema, care);
  if (path.startsWith('/readings')) return `d${random.int(1, 4)}~1519461921893~+`;
  // The resets of a space and the exclusions of a sensor.
  if (name === 'reset_id' || name === 'exclusion_id') return String(random.int(1, PARTS));
  const isPart = path.includes('_id}');
  // Only some of the created objects are deleted again.
  const id = method === 'DELETE' && !isPart ? random.int(IDS_KEPT + 1, 3 * IDS_KEPT) : random.int(1, IDS_KEPT + 1);
  return path.startsWith('/dpus') ? `d${id}` : String(id);
}

function queryOf(operation: Operation, care: Care, random: Random, values: Values): string {
  const given = inPlace(operation, 'query')
    .filter(({ required }) => (required ? care !== 'hostile' || random.chance(0.9) : random.chance(0.3)))
    .map(
      ({ name, schema }) =>
        `${name}=${encodeURIComponent(name === 'space_id' && care === 'valid' ? '1,2' : values.textOf(name, schema, careOf(care, random)))}`,
    );
  if (care === 'hostile' && random.chance(0.2)) given.push(random.pick(QUERY_JUNK));
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

interface Body {
  readonly type: string;
  readonly encoding: string | undefined;
  readonly bytes: Buffer;
}

function bodyOf(api: Api, operation: Operation, care: Care, random: Random, values: Values): Body | undefined {
  if (!operation.content)
    return care === 'hostile' && random.chance(0.1)
      ? { type: 'application/json', encoding: undefined, bytes: Buffer.from('{"a":1}') }
      : undefined;
  if (care === 'hostile' && random.chance(0.05)) return undefined;
  const [type = '', { schema }] = random.pick(Object.entries(operation.content));
  const isOne = schema.items === undefined && schema.type !== 'string';
  const wellFormed = (): string =>
    isOne ? JSON.stringify(values.of('', schema, care)) : batchText(api, type, random, values, care);
  const text = care === 'hostile' && random.chance(0.15) ? junkBody(random) : wellFormed();
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  return random.chance(0.15) ? compressed(type, bytes, random) : { type, encoding: undefined, bytes };
}

function compressed(type: string, bytes: Buffer, random: Random): Body {
  const encoding = random.pick(['gzip', 'deflate', 'br']);
  return {
    type,
    encoding,
    bytes:
      encoding === 'gzip' ? gzipSync(bytes) : encoding === 'deflate' ? deflateSync(bytes) : brotliCompressSync(bytes),
  };
}

/** The items of a batch are readings, which the document does not specify. */
function batchText(api: Api, type: string, random: Random, values: Values, care: Care): string {
  const reading = api.operations.find(({ id }) => id === 'sendReading')?.content?.['application/json']?.schema ?? {};
  const readings = Array.from({ length: random.int(0, 10) }, () => values.of('', reading, careOf(care, random)));
  if (type === 'application/json') return JSON.stringify(readings);
  if (type === 'application/x-ndjson') return readings.map((each) => `${JSON.stringify(each)}\n`).join('');
  const cell = (item: unknown, name: string): string => {
    const value = (item as Record<string, unknown> | null)?.[name] ?? '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  };
  return [
    'dpu_id,timestamp,direction',
    ...readings.map((item) => ['dpu_id', 'timestamp', 'direction'].map((name) => cell(item, name)).join(',')),
  ].join('\n');
}

function junkBody(random: Random): string | Buffer {
  return random.pick<() => string | Buffer>([
    () => '',
    () => '{',
    () => 'null',
    () => '1',
    () => '"x"',
    () => '[]',
    () => '[[[]]]',
    () => '{"a":1}{"b":2}',
    () => '\uFEFF{}',
    () => '{"__proto__":{"x":1}}',
    () => '{"constructor":{"prototype":{"x":1}}}',
    () => '['.repeat(20_000),
    () => '['.repeat(20_000) + ']'.repeat(20_000),
    () => '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000),
    () => `{"name":"${'x'.repeat(100_000)}"}`,
    () => '{"name":"\\ud800"}',
    () => Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3]),
    () => Buffer.from('{"name":"x"}', 'utf16le'),
    () => `[${'1,'.repeat(5_000)}1]`,
    () => 'a,b\n1,2',
    () => '"'.repeat(999),
    () => `timestamp,direction,dpu_id\n"${'x'.repeat(300_000)}`,
    () => '{"name":"a","name":"b"}',
    () => '{"capacity":1e999,"name":"x"}',
    () => '{"capacity":123456789012345678901234567890,"name":"x"}',
    () => 'x'.repeat(300_000),
    () => '\n\n\n',
    () => '{"dpu_id":"d1","timestamp":1e300,"direction":1}',
  ])();
}

function headersOf(
  operation: Operation,
  care: Care,
  random: Random,
  values: Values,
  tokens: Tokens,
  body: Body | undefined,
): [string, string][] {
  const headers = new Map<string, string>();
  const token = random.chance(0.93) ? tokens.admin : random.pick([tokens.reader, 'dty_none', undefined, undefined]);
  if (token !== undefined)
    headers.set(
      'authorization',
      care === 'hostile' && random.chance(0.02) ? random.pick(NO_TOKENS) : `Bearer ${token}`,
    );
  for (const { name, schema } of inPlace(operation, 'header'))
    // A precondition that does not hold is rare otherwise: what it is about must be there, and the rest be right.
    if (random.chance(name === 'if-match' ? 0.3 : 0.1))
      headers.set(
        name,
        care === 'valid' ? random.pick(['*', '*', '"other"']) : latin1(values.textOf(name, schema, care)),
      );
  if (body) {
    headers.set('content-type', body.type);
    if (body.encoding !== undefined) headers.set('content-encoding', body.encoding);
  }
  if (random.chance(0.2))
    headers.set('accept', random.pick(['application/json', 'text/csv', '*/*', 'text/event-stream']));
  if (random.chance(0.2)) headers.set('accept-encoding', random.pick(['gzip', 'deflate', 'gzip, br', '*']));
  if (care === 'hostile') {
    for (const [name, junk] of Object.entries(HEADER_JUNK))
      if (random.chance(0.03)) headers.set(name, random.pick(junk));
    if (random.chance(0.01)) headers.set('x-long', 'x'.repeat(17_000));
  }
  return [...headers];
}

/** Limits a header value to Latin-1 without control characters. */
function latin1(text: string): string {
  return text
    .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')
    .slice(0, 4_000)
    .trim();
}
