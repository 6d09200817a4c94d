// Answers with problem documents the requests that never reach the API: those that Node's HTTP parser rejects, and those that its server
// would answer with an empty body. Where there is no response object, the answer is written to the socket.
import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { PROBLEM_TYPE, problemText, type ProblemStatus } from '../problem.ts';
import { REQUEST_ID, requestIdFrom } from './request-id.ts';

/** If the socket closed at once, a client that is still sending would see a broken connection instead of the answer. */
const LINGER_MS = 2_000;

interface Refusal {
  readonly status: ProblemStatus;
  readonly detail: string;
}

/** By the code of Node's error. Other codes mean a malformed request. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    detail: `the request line and the headers may have at most ${maxHeaderSize} bytes together`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'the chunk extensions of the body are too long' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'the request did not arrive in time' },
  HPE_INVALID_METHOD: { status: 400, detail: 'the request does not begin with an HTTP method' },
  HPE_INVALID_VERSION: { status: 400, detail: 'this is not HTTP/1.1 or HTTP/1.0' },
  HPE_INVALID_EOF_STATE: { status: 400, detail: 'the request ended too soon' },
};

interface ParseError extends NodeJS.ErrnoException {
  /** The description by Node's parser. */
  readonly reason?: unknown;
  readonly rawPacket?: Buffer;
}

function refusalOf(error: ParseError): Refusal {
  const known = REFUSALS[error.code ?? ''];
  return (
    known ?? {
      status: 400,
      detail: `the request is malformed${typeof error.reason === 'string' ? `: ${error.reason}` : ''}`,
    }
  );
}

/** Answers a request whose host headers are invalid. @returns true if it answered */
export function refuseMalformed(request: IncomingMessage, response: ServerResponse): boolean {
  let hosts = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    if (request.rawHeaders[i]?.toLowerCase() === 'host') hosts += 1;
  if (hosts > 1 || (hosts === 0 && request.httpVersion === '1.1')) {
    answerProblem(
      request,
      response,
      400,
      `a request must have one host header, and this one has ${hosts === 0 ? 'none' : hosts}`,
      { connection: 'close' },
    );
    return true;
  }
  return false;
}

export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  answerProblem(request, response, 417, 'the only supported expectation is 100-continue');
}

/** Answers a request that Koa does not handle with a problem document. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  status: ProblemStatus,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const requestId = requestIdFrom(request.headers[REQUEST_ID]);
  const instance = (request.url ?? '').replace(/\?.*$/s, '');
  const body = problemText(status, detail, { instance, requestId });
  response
    .writeHead(status, { ...headersOf(requestId), 'content-length': Buffer.byteLength(body), ...headers })
    .end(body);
}

function headersOf(requestId: string): Record<string, string> {
  return {
    'content-type': PROBLEM_TYPE,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    [REQUEST_ID]: requestId,
  };
}

/**
 * Writes refusals to sockets. Tracks the request in progress on each socket, because an answer that has started
 * cannot be replaced.
 */
export class SocketRefusals {
  readonly #log: Logger;
  readonly #inProgress = new WeakMap<
    Duplex,
    { readonly request: IncomingMessage; readonly response: ServerResponse }
  >();
  readonly #refused = new WeakSet<Duplex>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Records a request whose answer will be written to its socket. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#inProgress.set(request.socket, { request, response });
    response.once('close', () => {
      if (this.#inProgress.get(request.socket)?.response === response) this.#inProgress.delete(request.socket);
    });
  }

  /** Called when Node could not parse the input, and again for every further packet on the socket. */
  readonly clientError = (error: ParseError, socket: Duplex): void => {
    if (error.code === 'ECONNRESET') return void socket.destroy();
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const inProgress = this.#inProgress.get(socket);
    // Works if the request arrived in one packet, as nearly all requests do.
    const isHead = error.rawPacket?.toString('latin1', 0, 5) === 'HEAD ';
    const refuse = (): void => this.#refuse(socket, refusalOf(error), { code: error.code, isHead });
    // The error is in the input after the request in progress, so that request is answered first.
    if (inProgress?.request.complete) inProgress.response.once('close', refuse);
    else if (inProgress?.response.headersSent) socket.destroy();
    else refuse();
  };

  /** Node would close the connection without an answer. */
  readonly connect = (_request: IncomingMessage, socket: Duplex): void => {
    this.#refuse(socket, { status: 501, detail: 'the method CONNECT is not supported' });
  };

  #refuse(
    socket: Duplex,
    { status, detail }: Refusal,
    { code, isHead = false }: { code?: string | undefined; isHead?: boolean } = {},
  ): void {
    if (!socket.writable) return void socket.destroy();
    const requestId = randomUUID();
    this.#log.info({ request: requestId, status, code }, 'refused a malformed request');
    const body = problemText(status, detail, { requestId });
    const headers = {
      ...headersOf(requestId),
      date: new Date().toUTCString(),
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    };
    const head = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${isHead ? '' : body}`);
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket
      .on('error', () => socket.destroy())
      .once('close', () => clearTimeout(timer))
      .resume();
  }
}
