// Malformed and unanswerable requests: every refusal is a problem document, also those that Node would write itself.
import { connect } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { problem } from '../../src/http/schemas/resources.ts';
import { listen, type HttpServer } from '../../src/http/server.ts';

const PATIENCE_MS = 30_000;
const QUICK = { requestMaxMs: 400, headersMaxMs: 200, checkMs: 50, keepAliveMs: 5_000, stopMaxMs: 5_000 };

let server: HttpServer;
let hasty: HttpServer;
const isProblem = new Ajv2020({ strict: false, validateFormats: false }).compile(z.toJSONSchema(problem));

beforeAll(async () => {
  const log = pino({ level: 'silent' });
  const echo: Parameters<typeof listen>[0] = (request, response) => {
    if (request.url === '/begun') response.writeHead(200).write('begun;');
    let length = 0;
    request
      .on('data', (chunk: Buffer) => (length += chunk.length))
      .on('end', () => response.end(`${request.method} ${length}`));
  };
  server = await listen(echo, '127.0.0.1', 0, log);
  hasty = await listen(echo, '127.0.0.1', 0, log, QUICK);
});
afterAll(async () => {
  await server?.stop();
  await hasty?.stop();
});

/** Everything received until the connection closes. */
async function exchange({ port }: HttpServer, text: string, { half = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      half ? socket.end(text) : socket.write(text),
    );
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no end of the answer:\n${answer}`)));
    socket
      .setEncoding('latin1')
      .on('data', (chunk: string) => (answer += chunk))
      .on('error', reject)
      .on('end', () => {
        socket.end();
        resolve(answer);
      });
  });
}

interface Parsed {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function parse(answer: string): Parsed {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) \S/.exec(line)?.[1]),
    body: rest.join('\r\n\r\n'),
    headers: Object.fromEntries(
      fields.map((each) => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 1).trim()]),
    ),
  };
}

function expectProblem(answer: string, status: number, detail: RegExp): void {
  const { status: found, headers, body } = parse(answer);
  expect({ found, type: headers['content-type'], cache: headers['cache-control'] }).toEqual({
    found: status,
    type: 'application/problem+json',
    cache: 'no-store',
  });
  const value = JSON.parse(body) as { detail: string; status: number; request_id: string };
  expect(isProblem(value) ? [] : isProblem.errors).toEqual([]);
  expect(value).toMatchObject({ status, request_id: headers['x-request-id'] });
  expect(value.detail).toMatch(detail);
}

const HOST = 'host: a\r\n';

it('keeps an idle connection for longer than proxies do, which answer 502 if it closes first', async () => {
  const response = await fetch(server.url);
  expect(response.headers.get('keep-alive')).toBe('timeout=75');
});
const LONG = 'a'.repeat(20_000);

describe('a problem document answers', () => {
  it.each<[what: string, status: number, detail: RegExp, text: string]>([
    ['a method that is none', 400, /does not begin with an HTTP method/, `FOO / HTTP/1.1\r\n${HOST}\r\n`],
    ['what is not HTTP at all', 400, /does not begin with an HTTP method/, '\u0016\u0003\u0001\u0002\u0000\u0001'],
    ['another version', 400, /malformed|not HTTP/, `GET / HTTP/9.1\r\n${HOST}\r\n`],
    ['a header that is none', 400, /malformed/, `GET / HTTP/1.1\r\n${HOST}no colon\r\n\r\n`],
    [
      'two body lengths',
      400,
      /malformed/,
      `POST / HTTP/1.1\r\n${HOST}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    ],
    ['a chunk that is none', 400, /malformed/, `POST / HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\nzz\r\n`],
    ['no host', 400, /this one has none/, 'GET /path?query HTTP/1.1\r\n\r\n'],
    ['two hosts', 400, /this one has 2/, `GET / HTTP/1.1\r\n${HOST}host: b\r\nconnection: close\r\n\r\n`],
    [
      'an expectation other than 100-continue',
      417,
      /100-continue/,
      `GET / HTTP/1.1\r\n${HOST}expect: wonders\r\nconnection: close\r\n\r\n`,
    ],
    [
      'headers that are too long',
      431,
      /may have at most 16384 bytes/,
      `GET / HTTP/1.1\r\n${HOST}x-long: ${LONG}\r\n\r\n`,
    ],
    [
      'a request line that is too long',
      431,
      /the request line and the headers/,
      `GET /${LONG} HTTP/1.1\r\n${HOST}\r\n`,
    ],
    [
      'chunk extensions that are too long',
      413,
      /chunk extensions/,
      `POST / HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n1;${LONG}\r\na\r\n0\r\n\r\n`,
    ],
    ['CONNECT', 501, /CONNECT is not supported/, `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`],
  ])('%s: %i', async (_what, status, detail, text) => {
    expectProblem(await exchange(server, text), status, detail);
  });

  it('a request that ends too soon: 400', async () => {
    expectProblem(await exchange(server, `GET / HTTP/1.1\r\n${HOST}`, { half: true }), 400, /ended too soon/);
  });

  it('a request whose headers do not arrive in time: 408', async () => {
    expectProblem(await exchange(hasty, 'GET / HT'), 408, /did not arrive in time/);
  });

  it('a request whose body does not arrive in time: 408', async () => {
    expectProblem(
      await exchange(hasty, `POST / HTTP/1.1\r\n${HOST}content-length: 10\r\n\r\n123`),
      408,
      /did not arrive in time/,
    );
  });

  it('with the path and id of the request if they could be read', async () => {
    const { body } = parse(
      await exchange(
        server,
        `GET /a/b?c HTTP/1.1\r\n${HOST}expect: x\r\nx-request-id: mine\r\nconnection: close\r\n\r\n`,
      ),
    );
    expect(JSON.parse(body)).toMatchObject({ instance: '/a/b', request_id: 'mine' });
  });

  it('a HEAD request with headers only', async () => {
    const { status, headers, body } = parse(
      await exchange(server, `HEAD / HTTP/1.1\r\n${HOST}x-long: ${LONG}\r\n\r\n`),
    );
    expect({ status, type: headers['content-type'], body }).toEqual({
      status: 431,
      type: 'application/problem+json',
      body: '',
    });
  });

  it('a client that goes on sending', async () => {
    expectProblem(await exchange(server, `FOO / HTTP/1.1\r\n${HOST}\r\n${LONG.repeat(50)}`), 400, /method/);
  });
});

describe('an invalid request after a valid one', () => {
  it('is refused after the complete answer to the valid one', async () => {
    const answers = await exchange(
      server,
      `POST / HTTP/1.1\r\n${HOST}content-length: 3\r\n\r\n123FOO / HTTP/1.1\r\n\r\n`,
    );
    const second = answers.indexOf('HTTP/1.1', 1);
    expect(parse(answers.slice(0, second))).toMatchObject({
      status: 200,
      body: expect.stringContaining('POST 3') as string,
    });
    expectProblem(answers.slice(second), 400, /method/);
  });

  it('closes the connection without adding to an answer that has begun', async () => {
    const answer = await exchange(
      server,
      `POST /begun HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n`,
    ).catch(() => 'broken');
    expect(answer).not.toContain('problem+json');
  });

  it('is neither 100-continue nor HTTP/1.0 without a host', async () => {
    const met = await exchange(
      server,
      `POST / HTTP/1.1\r\n${HOST}expect: 100-continue\r\ncontent-length: 3\r\nconnection: close\r\n\r\n123`,
    );
    expect(met).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(parse(await exchange(server, 'GET / HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
});
