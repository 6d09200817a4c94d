// Parses an HTTP request into a statement, covering the part of ClickHouse's HTTP interface that `@clickhouse/client` uses.
//
// Invariants:
// - No URL parameter is silently ignored: it is used, or concerns HTTP only, or is passed on as a setting, and the engine rejects unknown
//   settings.
// - A body is read up to a limit and never decoded to a string, so that its bytes arrive unchanged.

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { fault } from './clickhouse-error.ts';

export interface Statement {
  /** The statement, without data that is in the body. */
  readonly sql: string;
  /** The data after the statement; empty if everything is in `sql`. */
  readonly data: Buffer;
  readonly database: string | undefined;
  /** The format of the answer if the statement names none. */
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Escaped in the form that ClickHouse's HTTP interface requires. */
  readonly params: ReadonlyMap<string, string>;
  readonly isReadonly: boolean;
  readonly queryId: string;
  readonly wantsCompression: boolean;
}

const BODY_BYTES_MAX = 256 * 1024 * 1024;

// Parameters about the connection or the answer, which do not change the meaning of a statement here.
const HTTP_ONLY = new Set([
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'enable_http_compression',
  'http_headers_progress_interval_ms',
  'http_native_compression_disable_checksumming_on_decompress',
  'http_response_buffer_size',
  'http_wait_end_of_query',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'password',
  'quota_key',
  'send_progress_in_http_headers',
  'stacktrace',
  'user',
  'wait_end_of_query',
]);

// Sessions, roles, and ClickHouse's own compression format.
const UNSUPPORTED = new Set(['session_id', 'session_check', 'session_timeout', 'role', 'compress', 'decompress']);

const NAME = /^[A-Za-z_]\w*$/;

export function parseStatement(request: IncomingMessage, url: URL, body: Buffer): Statement {
  const settings = new Map<string, string>();
  const params = new Map<string, string>();
  let fromUrl = '';
  const single = {
    database: headerOf(request, 'x-clickhouse-database'),
    default_format: headerOf(request, 'x-clickhouse-format'),
    query_id: undefined as string | undefined,
  };

  const take = (name: string, value: string): void => {
    if (name === 'query') fromUrl = value;
    else if (name === 'database' || name === 'default_format' || name === 'query_id') single[name] = value;
    else if (name.startsWith('param_')) params.set(checkedName(name.slice('param_'.length)), value);
    else if (UNSUPPORTED.has(name) && value !== '0')
      throw fault('NOT_IMPLEMENTED', `The local engine does not support ${name}.`);
    else if (!HTTP_ONLY.has(name) && !UNSUPPORTED.has(name)) settings.set(checkedName(name), value);
  };
  for (const [name, value] of url.searchParams) take(name, value);

  let data = body;
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary !== undefined) {
    for (const [name, value] of multipartFields(body, boundary)) take(name, value);
    data = Buffer.alloc(0);
  }

  const wantsCompression =
    url.searchParams.get('enable_http_compression') === '1' &&
    /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const isReadonly = request.method !== 'POST';
  const common = {
    database: single.database === '' ? undefined : single.database,
    format: single.default_format ?? 'TabSeparated',
    settings,
    params,
    isReadonly,
    wantsCompression,
    queryId: single.query_id ?? '',
  };
  return { sql: fromUrl, data, ...common };
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

// Names are inserted into a statement unquoted.
function checkedName(name: string): string {
  if (!NAME.test(name))
    throw fault('BAD_REQUEST_PARAMETER', `The URL parameter ${JSON.stringify(name)} is not a valid name.`);
  return name;
}

/** With `use_multipart_params` the client sends parameters that are too long for a URL as fields of a form. */
function multipartFields(body: Buffer, boundary: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of body.toString('utf8').split(`--${boundary}`).slice(1, -1)) {
    const split = part.indexOf('\r\n\r\n');
    const name = /\bname="([^"]+)"/i.exec(part.slice(0, Math.max(split, 0)))?.[1];
    if (split < 0 || name === undefined) throw fault('BAD_REQUEST_PARAMETER', 'A part of the form has no name.');
    fields.set(name, part.slice(split + 4, -2));
  }
  return fields;
}

/** @returns the decompressed body. @throws ClickhouseFault if it is too large or not validly encoded */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const decoded = decode(request);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The request must survive a refusal, because the answer is sent on its socket.
    for await (const chunk of decoded.iterator({ destroyOnReturn: decoded !== request })) {
      size += (chunk as Buffer).length;
      if (size > BODY_BYTES_MAX) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (decoded !== request && isZlibError(error)) {
      throw fault('CANNOT_DECOMPRESS', `The body is not valid ${request.headers['content-encoding']}.`);
    }
    throw error;
  }
  return Buffer.concat(chunks, size);
}

function decode(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity' || encoding === '') return request;
  const decoder = DECODERS[encoding]?.();
  if (decoder === undefined)
    throw fault(
      'UNKNOWN_COMPRESSION_METHOD',
      `The local engine does not read ${JSON.stringify(encoding)} bodies.`,
      400,
    );
  request.once('error', (error) => decoder.destroy(error));
  return request.pipe(decoder);
}

const DECODERS: Readonly<
  Record<string, () => ReturnType<typeof createGunzip> | ReturnType<typeof createBrotliDecompress>>
> = {
  gzip: () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
};

function isZlibError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^(Z_|ERR_BROTLI|ERR__ERROR)/.test(error.code)
  );
}

function tooLarge(): Error {
  return fault('TOO_MANY_BYTES', `The body is larger than ${BODY_BYTES_MAX} bytes.`);
}
