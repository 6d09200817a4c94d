// Requests that do not reach the API: what Node's HTTP parser refuses, and what its server would answer by itself with an empty body.
// They get problem documents, too. Where there is no response to write to, the answer goes to the socket.
import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { PROBLEM_TYPE, problemText, type ProblemStatus } from '../problem.ts';
import { REQUEST_ID, requestIdFrom } from './request-id.ts';

/** For a client that goes on sending: closed at once, it would see a broken connection instead of the answer. */
const LINGER_MS = 2_000;

interface Refusal {
  readonly status: ProblemStatus;
  readonly detail: string;
}

/** By the code of Node's error; other codes are malformed requests. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    detail: `the request line and the headers may hold at most ${maxHeaderSize} bytes together`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'the extensions of the chunks of the body are too long' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'the request did not arrive in time' },
  HPE_INVALID_METHOD: { status: 400, detail: 'the request does not begin with a method of HTTP' },
  HPE_INVALID_VERSION: { status: 400, detail: 'this is not HTTP/1.1 or HTTP/1.0' },
  HPE_INVALID_EOF_STATE: { status: 400, detail: 'the request ended too soon' },
};

interface ParseError extends NodeJS.ErrnoException {
  /** What the parser stumbled over. */
  readonly reason?: unknown;
  readonly rawPacket?: Buffer;
}

function refusalOf(error: ParseError): Refusal {
  const known = REFUSALS[error.code ?? ''];
  return (
    known ?? {
      status: 400,
      detail: `the request cannot be read${typeof error.reason === 'string' ? `: ${error.reason}` : ''}`,
    }
  );
}

/** Answers what is wrong with a request before anybody sees it. @returns whether it did */
export function refuseMalformed(request: IncomingMessage, response: ServerResponse): boolean {
  let hosts = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    if (request.rawHeaders[i]?.toLowerCase() === 'host') hosts += 1;
  if (hosts > 1 || (hosts === 0 && request.httpVersion === '1.1')) {
    answerProblem(
      request,
      response,
      400,
      `a request has one host header, and this one has ${hosts === 0 ? 'none' : hosts}`,
      { connection: 'close' },
    );
    return true;
  }
  return false;
}

export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  answerProblem(request, response, 417, 'the only expectation that can be met is 100-continue');
}

/** A problem document as the answer to a request that Koa does not see. */
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

/** Answers on sockets. Keeps in mind what is under way on each, since an answer that has begun cannot be taken back. */
export class SocketRefusals {
  readonly #log: Logger;
  readonly #underWay = new WeakMap<Duplex, { readonly request: IncomingMessage; readonly response: ServerResponse }>();
  readonly #refused = new WeakSet<Duplex>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A request has come in, and its answer will be written to its socket. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#underWay.set(request.socket, { request, response });
    response.once('close', () => {
      if (this.#underWay.get(request.socket)?.response === response) this.#underWay.delete(request.socket);
    });
  }

  /** Node found no request in what came. It says so again for everything else that comes. */
  readonly clientError = (error: ParseError, socket: Duplex): void => {
    if (error.code === 'ECONNRESET') return void socket.destroy();
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    const underWay = this.#underWay.get(socket);
    // Seen where the request came in one packet, as nearly all do.
    const isHead = error.rawPacket?.toString('latin1', 0, 5) === 'HEAD ';
    const refuse = (): void => this.#refuse(socket, refusalOf(error), { code: error.code, isHead });
    // The answer to the request before goes first: the error is about what came after it.
    if (underWay?.request.complete) underWay.response.once('close', refuse);
    else if (underWay?.response.headersSent) socket.destroy();
    else refuse();
  };

  /** CONNECT is no request to the API, and Node would close the connection without a word. */
  readonly connect = (_request: IncomingMessage, socket: Duplex): void => {
    this.#refuse(socket, { status: 501, detail: 'there is no method CONNECT' });
  };

  #refuse(
    socket: Duplex,
    { status, detail }: Refusal,
    { code, isHead = false }: { code?: string | undefined; isHead?: boolean } = {},
  ): void {
    if (!socket.writable) return void socket.destroy();
    const requestId = randomUUID();
    this.#log.info({ request: requestId, status, code }, 'refused what is no request');
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
