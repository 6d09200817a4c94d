import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { refuseExpectation, refuseMalformed, SocketRefusals } from './middleware/refusals.ts';

export interface ServerLimits {
  /** Time for a whole request to arrive. */
  readonly requestMaxMs: number;
  /** Time for its headers to arrive. */
  readonly headersMaxMs: number;
  /** How often both limits are checked. */
  readonly checkMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** How long a stopping server waits for answers that are under way. An export may take hours. */
  readonly stopMaxMs: number;
}

/**
 * Node's defaults are too short. 5 minutes for a request: the largest batch, 50 MB, takes 13 minutes at half a megabit a
 * second. 5 s for an idle connection: proxies keep theirs for 60 s, and answer 502 if they write to one that was just
 * closed.
 */
const LIMITS: ServerLimits = {
  requestMaxMs: 15 * 60_000,
  headersMaxMs: 60_000,
  checkMs: 30_000,
  keepAliveMs: 75_000,
  stopMaxMs: 15_000,
};

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting connections and resolves once the requests in progress are answered, or cut off because they take too long. */
  stop(): Promise<void>;
}

/** @throws Node's error if the address cannot be used (EADDRINUSE, EACCES) */
export async function listen(
  handle: RequestListener,
  host: string,
  port: number,
  log: Logger,
  limits: ServerLimits = LIMITS,
): Promise<HttpServer> {
  const server = createServer({
    requestTimeout: limits.requestMaxMs,
    headersTimeout: limits.headersMaxMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Checked by refuseMalformed instead, because Node would answer without a body.
    requireHostHeader: false,
  });
  refuseWithProblems(server, handle, log);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return {
    port: actual,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    stop: () => close(server, sockets, limits.stopMaxMs),
  };
}

/** Answers malformed requests with problem documents, and passes all others to `handle`. */
function refuseWithProblems(server: Server, handle: RequestListener, log: Logger): void {
  const refusals = new SocketRefusals(log);
  const tracked =
    (answer: RequestListener): RequestListener =>
    (request, response) => {
      refusals.begin(request, response);
      if (!refuseMalformed(request, response)) answer(request, response);
    };
  server.on('request', tracked(handle)).on('checkExpectation', tracked(refuseExpectation));
  server.on('clientError', refusals.clientError).on('connect', refusals.connect);
}

async function close(server: Server, sockets: ReadonlySet<Socket>, maxMs: number): Promise<void> {
  // A client whose connection never becomes idle, such as a busy proxy, would keep the server open indefinitely.
  const closeAfterAnswer: RequestListener = (_request, response) => void response.setHeader('connection', 'close');
  server.prependListener('request', closeAfterAnswer).prependListener('checkExpectation', closeAfterAnswer);
  const timer = setTimeout(() => server.closeAllConnections(), maxMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // Node does not count connections as idle that have had no request. Browsers open some in advance. A request may
    // have arrived that Node has not read yet.
    setImmediate(() => {
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    });
  });
  clearTimeout(timer);
}
