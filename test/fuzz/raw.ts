// A request as damaged bytes, which no client library would send.
import { Random } from '../simulation/random.ts';
import type { FuzzRequest } from './request.ts';

const LINES = [
  'no colon',
  ' folded: x',
  'name : x',
  ': empty',
  'content-length: -1',
  'content-length: 5',
  'content-length: 99999999999999999999',
  'transfer-encoding: chunked',
  'transfer-encoding: x',
  'host: b',
  'x: \0',
  'x: \x07',
  'expect: x',
  'connection: upgrade',
  `x: ${'y'.repeat(20_000)}`,
  'upgrade: h2c',
];
/** Malformed or unreasonable chunks of a body. */
const CHUNKS = [
  'zz\r\n',
  '5\r\nabc',
  '-1\r\n',
  'ffffffffffffffff\r\n',
  '1;x=y\r\na\r\n0\r\n\r\n',
  '0\r\n\r\n',
  `1;${'x'.repeat(20_000)}\r\na\r\n`,
];
const FIRST_LINES = [
  'FOO / HTTP/1.1',
  'GET /',
  'GET / HTTP/0.9',
  'GET / HTTP/2.0',
  'GET  /  HTTP/1.1',
  '/ HTTP/1.1',
  'PRI * HTTP/2.0',
  'CONNECT a:1 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'GET * HTTP/1.1',
  'GET http://other.example/api/v1/spaces HTTP/1.1',
  'get /api/v1/spaces HTTP/1.1',
  'GET //api/v1/spaces HTTP/1.1',
  'GET /api/v1/spaces#x HTTP/1.1',
  'GET /api/v1/sp\xE4ces HTTP/1.1',
  `GET /${'x'.repeat(20_000)} HTTP/1.1`,
  'GET /../../etc/passwd HTTP/1.1',
  'GET ?x HTTP/1.1',
  'GET /api/v1/spaces?filter=\xFF HTTP/1.1',
  '\x16\x03\x01\x02',
];

/** @param seed with the number, the same as the request's */
export function damaged({ method, path, headers, body, number }: FuzzRequest, seed: number): Buffer {
  const random = new Random((Math.imul(seed, 0x27d4_eb2f) ^ Math.imul(number + 1, 0x1656_67b1)) | 0);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: a',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`content-length: ${body.length}`] : []),
    'connection: close',
  ];
  const kind = random.weighted({ line: 4, first: 3, drop: 2, bytes: 4, cut: 2, chunks: 1, newlines: 1 });
  if (kind === 'line') lines.splice(random.int(1, lines.length), 0, random.pick(LINES));
  if (kind === 'first') lines[0] = random.pick(FIRST_LINES);
  if (kind === 'drop') lines.splice(random.int(0, lines.length - 1), 1);
  if (kind === 'chunks') lines.push('transfer-encoding: chunked');
  const head = lines.join(kind === 'newlines' ? random.pick(['\n', '\r', '\n\r']) : '\r\n');
  const chunks = kind === 'chunks' ? random.pick(CHUNKS) : '';
  const bytes = Buffer.concat([Buffer.from(`${head}\r\n\r\n${chunks}`, 'latin1'), body ?? Buffer.alloc(0)]);
  if (kind === 'cut') return bytes.subarray(0, random.int(1, bytes.length));
  if (kind === 'bytes')
    for (let n = random.int(1, 4); n > 0; n -= 1) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
  return bytes;
}
