// ClickHouse's errors in the form of its HTTP interface: a code, a text and a status.
//
// Invariant: the text always has the form `Code: N. DB::Exception: … (NAME)`, because clients parse the code from it.

import { messageOf } from '../local-engine-error.ts';

export class ClickhouseFault extends Error {
  override readonly name = 'ClickhouseFault';
  readonly code: number;
  readonly status: number;

  constructor(code: number, text: string, status: number = statusOf(code)) {
    super(text);
    this.code = code;
    this.status = status;
  }
}

const CODES = {
  SYNTAX_ERROR: 62,
  NOT_IMPLEMENTED: 48,
  UNKNOWN_COMPRESSION_METHOD: 89,
  BAD_REQUEST_PARAMETER: 36,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  CANNOT_DECOMPRESS: 271,
  TOO_MANY_BYTES: 307,
  STD_EXCEPTION: 1001,
} as const;

export function fault(name: keyof typeof CODES, text: string, status?: number): ClickhouseFault {
  const code = CODES[name];
  return new ClickhouseFault(code, `Code: ${code}. DB::Exception: ${text} (${name})`, status);
}

/** Converts an error of the engine; one without a code becomes STD_EXCEPTION. */
export function toFault(error: unknown): ClickhouseFault {
  if (error instanceof ClickhouseFault) return error;
  const text = messageOf(error);
  const code = /^Code: (\d+)\. DB::/.exec(text)?.[1];
  return code === undefined
    ? fault('STD_EXCEPTION', text.replace(/\.?$/, '.'))
    : new ClickhouseFault(Number(code), text);
}

// From ClickHouse's exceptionCodeToHTTPStatus, limited to the codes that this service can cause.
const BAD_REQUEST = new Set([6, 26, 27, 32, 36, 38, 41, 43, 53, 62, 70, 71, 72, 117, 130, 131, 271, 456, 457]);
const NOT_FOUND = new Set([16, 46, 47, 50, 56, 60, 73, 81, 89, 115]);

function statusOf(code: number): number {
  if (BAD_REQUEST.has(code)) return 400;
  if (NOT_FOUND.has(code)) return 404;
  if (code === 307) return 413;
  if (code === 48) return 501;
  return code === 202 ? 503 : 500;
}
