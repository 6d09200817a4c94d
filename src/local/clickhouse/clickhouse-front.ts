// ClickHouse's HTTP interface for the local engine.
//
// Invariants:
// - Every request is answered exactly once: with a result, or with a status, a code header and a text.
// - Web pages cannot use it: browsers send an Origin header with POST requests, which is refused. There are no users or passwords, as on
//   a fresh ClickHouse, and it listens on loopback only.

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from 'pino';
import type { Answer, ChdbEngine } from './chdb-engine.ts';
import type { ClickhouseFault } from './clickhouse-error.ts';
import { fault, toFault } from './clickhouse-error.ts';
import { parseStatement, readBody } from './clickhouse-request.ts';
import type { Statement } from './clickhouse-request.ts';

const compress = promisify(gzip);

// Query parameters are in the URL, which Node counts as part of the headers.
const HEADER_BYTES_MAX = 1024 * 1024;
// Longer than the client keeps an idle socket (2.5 s), so that it never writes to one that was just closed.
const KEEP_ALIVE_MS = 10_000;

export function createFront(engine: ChdbEngine, log: Logger): Server {
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      void handle(engine, log, request, response);
    },
  );
  return server;
}

async function handle(
  engine: ChdbEngine,
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  try {
    const url = new URL(request.url ?? '/', 'http://localhost');
    checkRequest(request, url);
    if (url.pathname !== '/' || isBareGet(request, url)) {
      response.writeHead(200, { 'content-type': 'text/html; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    const statement = parseStatement(request, url, await readBody(request));
    const queryId = statement.queryId === '' ? randomUUID() : statement.queryId;
    response.setHeader('x-clickhouse-query-id', queryId);
    await answer(response, statement, await engine.run(statement, closed.signal));
  } catch (error) {
    if (closed.signal.aborted) return;
    const refused = toFault(error);
    log.warn({ url: request.url?.slice(0, 500), code: refused.code }, refused.message.slice(0, 1_000));
    refuse(request, response, refused);
  }
}

function checkRequest(request: IncomingMessage, url: URL): void {
  if (request.headers.origin !== undefined)
    throw fault('NOT_IMPLEMENTED', 'The local engine does not serve web pages.', 403);
  if (!['GET', 'HEAD', 'POST'].includes(request.method ?? ''))
    throw fault('NOT_IMPLEMENTED', `The method ${request.method} is not supported.`, 405);
  if (url.pathname !== '/' && url.pathname !== '/ping') {
    throw fault('BAD_REQUEST_PARAMETER', `There is no handler for ${url.pathname}; use / or /ping.`, 404);
  }
}

function isBareGet(request: IncomingMessage, url: URL): boolean {
  return request.method !== 'POST' && !url.searchParams.has('query');
}

async function answer(response: ServerResponse, statement: Statement, result: Answer): Promise<void> {
  const summary = {
    read_rows: result.readRows,
    read_bytes: result.readBytes,
    written_rows: result.writtenRows,
    written_bytes: result.writtenBytes,
    result_rows: 0,
    result_bytes: result.bytes.length,
    total_rows_to_read: 0,
    elapsed_ns: result.elapsedNanos,
  };
  const texts = Object.fromEntries(Object.entries(summary).map(([name, value]) => [name, String(value)]));
  const body = statement.wantsCompression ? await compress(result.bytes, { level: 3 }) : result.bytes;
  response.writeHead(200, {
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': body.length,
    'x-clickhouse-summary': JSON.stringify(texts),
    'x-clickhouse-timezone': 'UTC',
    ...(statement.wantsCompression ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(body);
}

function refuse(request: IncomingMessage, response: ServerResponse, refused: ClickhouseFault): void {
  const body = Buffer.from(`${refused.message}\n`, 'utf8');
  response.writeHead(refused.status, {
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': body.length,
    'x-clickhouse-exception-code': String(refused.code),
    // Otherwise the rest of a refused body would be parsed as the next request.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(body);
}
