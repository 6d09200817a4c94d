// ClickHouse's HTTP interface on the local engine: the requests that it refuses, each with ClickHouse's own code.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startClickhouse, type LocalClickhouse } from '../../src/local/clickhouse/clickhouse-engine.ts';

let folder: string;
let engine: LocalClickhouse;

const starting = async (name: string): Promise<LocalClickhouse> =>
  startClickhouse({
    dataDir: join(folder, name),
    host: '127.0.0.1',
    port: 0,
    logFile: join(folder, `${name}.log`),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'density-front-'));
  engine = await starting('engine');
});
afterAll(async () => {
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Answered {
  readonly status: number;
  readonly code: string | null;
  readonly text: string;
}

async function ask(path: string, init: RequestInit = {}): Promise<Answered> {
  const response = await fetch(`${engine.url}${path}`, init);
  return {
    status: response.status,
    code: response.headers.get('x-clickhouse-exception-code'),
    text: (await response.text()).trim(),
  };
}
const post = async (body: string | Buffer, headers: Record<string, string> = {}, query = ''): Promise<Answered> =>
  ask(`/${query}`, { method: 'POST', body, headers });

/** For headers that `fetch` does not send. */
async function raw(method: string, headers: Record<string, string>, path = '/'): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${engine.url}${path}`, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        request.destroy();
        const code = response.headers['x-clickhouse-exception-code'];
        resolve({
          status: response.statusCode ?? 0,
          code: typeof code === 'string' ? code : null,
          text: text.trim(),
        });
      });
    });
    request.on('error', reject);
    request.flushHeaders();
  });
}

describe('a statement', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('may be compressed with %s', async (encoding, compress) => {
    expect(await post(compress('SELECT 1 + 1'), { 'content-encoding': encoding })).toMatchObject({
      status: 200,
      text: '2',
    });
  });

  it('may be a form, with its parameters as fields', async () => {
    const form = new FormData();
    form.set('query', 'SELECT {name:String}, currentDatabase()');
    form.set('param_name', 'a "quoted" name\\nof two lines');
    form.set('database', 'system');
    expect(await ask('/', { method: 'POST', body: form })).toMatchObject({
      status: 200,
      text: 'a "quoted" name\\nof two lines\tsystem',
    });
  });

  it('runs in the database of the request, whatever its name', async () => {
    expect(await post('CREATE DATABASE `odd ``name`')).toMatchObject({ status: 200 });
    expect(await post('SELECT currentDatabase()', { 'x-clickhouse-database': 'odd `name' })).toMatchObject({
      status: 200,
      text: 'odd `name',
    });
  });

  it('waits while more statements run than there are threads', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, async (_, n) => post(`SELECT ${n} + sleep(0.05)`)));
    expect(answers.map(({ text }) => Number(text))).toEqual(answers.map((_, n) => n));
  });
});

describe('a request is refused', () => {
  it.each([
    ['bytes that are not gzip', 'x', { 'content-encoding': 'gzip' }, 400, 271, 'The body is not valid gzip.'],
    ['an unknown compression', 'x', { 'content-encoding': 'zstd' }, 400, 89, 'does not read "zstd" bodies'],
    ['two statements', 'SELECT 1; SELECT 2', {}, 400, 62, 'Multi-statements are not allowed'],
    ['bytes that are not UTF-8', Buffer.from([0x53, 0xff]), {}, 501, 48, 'bytes that are not UTF-8'],
    ['a web page', 'SELECT 1', { origin: 'https://example.com' }, 403, 48, 'does not serve web pages'],
    [
      'a form with a nameless part',
      '--b\r\n\r\nno head\r\n--b--',
      { 'content-type': 'multipart/form-data; boundary=b' },
      400,
      36,
      'A part of the form has no name.',
    ],
  ])('with %s', async (_what, body, headers, status, code, text) => {
    const answer = await post(body, headers);
    expect(answer).toMatchObject({ status, code: String(code) });
    expect(answer.text).toContain(text);
    expect(answer.text).toMatch(/^Code: \d+\. DB::Exception: .* \([A-Z_]+\)$/);
  });

  it('at an unknown path, with an unknown method, or with a parameter that it does not support', async () => {
    expect(await ask('/play')).toMatchObject({ status: 404, code: '36' });
    expect(await ask('/', { method: 'PUT', body: 'SELECT 1' })).toMatchObject({ status: 405, code: '48' });
    expect(await post('SELECT 1', {}, '?session_id=s')).toMatchObject({ status: 501, code: '48' });
    expect(await post('SELECT 1', {}, '?param_a%20b=1')).toMatchObject({ status: 400, code: '36' });
    expect(await ask('/ping')).toMatchObject({ status: 200, text: 'Ok.' });
  });

  it('that is larger than 256 MB, before it is read', async () => {
    expect(await raw('POST', { 'content-length': String(256 * 1024 * 1024 + 1) })).toMatchObject({
      status: 413,
      code: '307',
    });
  });

  it('silently if it is broken off, and later requests are answered', async () => {
    const socket = connect(engine.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\n';
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    await new Promise<void>((resolve) => socket.write(gzipSync('SELECT 1').subarray(0, 10), () => resolve()));
    socket.destroy();
    expect(await post('SELECT 3')).toMatchObject({ status: 200, text: '3' });
  });
});

describe('an engine that cannot start', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('names the reason and its log', async () => {
    await mkdir(join(folder, 'file'));
    await writeFile(join(folder, 'file/chdb'), 'not a folder');
    await expect(starting('file')).rejects.toThrow(
      /^(The ClickHouse engine cannot start: EEXIST.* \(its log is .*file\.log\)\.|Cannot write to .*)$/,
    );
  });

  it('says what to do if chdb is not installed', async () => {
    const hook = join(folder, 'without-chdb.mjs');
    const resolver = `export const resolve = async (name, context, next) => {
      if (name === 'chdb') throw new Error('Cannot find package chdb');
      return next(name, context);
    };`;
    await writeFile(
      hook,
      `import { register } from 'node:module';\nregister(${JSON.stringify(`data:text/javascript,${encodeURIComponent(resolver)}`)});\n`,
    );
    vi.stubEnv('NODE_OPTIONS', `--import=${hook}`);
    await expect(starting('without')).rejects.toThrow(
      'The ClickHouse engine chdb cannot be loaded (Cannot find package chdb): it is a development dependency, so run npm ci, or set CLICKHOUSE_URL to a ClickHouse server.',
    );
  });
});
