import { createServer, type RequestListener, type Server } from 'node:http';
import type { Logger } from 'pino';
import { refuseExpectation, refuseMalformed, SocketRefusals } from './middleware/refusals.ts';

export interface ServerLimits {
  /** How long a request may take to arrive, its body included. */
  readonly requestMaxMs: number;
  /** How long its headers may take. */
  readonly headersMaxMs: number;
  /** How often both are checked. */
  readonly checkMs: number;
}

/** A body may take so long to arrive: the largest batch, 50 MB, over half a megabit a second. Node's own bound is 5 minutes. */
const LIMITS: ServerLimits = { requestMaxMs: 15 * 60_000, headersMaxMs: 60_000, checkMs: 30_000 };

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets requests under way finish, then closes. */
  stop(): Promise<void>;
}

/** @throws Node's own error when the address cannot be used (EADDRINUSE, EACCES) */
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
    // Node's own check answers without a body.
    requireHostHeader: false,
  });
  refuseByProblems(server, handle, log);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return {
    port: actual,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    stop: () => close(server),
  };
}

/** What is no request, or none that can be answered, is refused with a problem document; `handle` gets the others. */
function refuseByProblems(server: Server, handle: RequestListener, log: Logger): void {
  const refusals = new SocketRefusals(log);
  const begun =
    (answer: RequestListener): RequestListener =>
    (request, response) => {
      refusals.begin(request, response);
      if (!refuseMalformed(request, response)) answer(request, response);
    };
  server.on('request', begun(handle)).on('checkExpectation', begun(refuseExpectation));
  server.on('clientError', refusals.clientError).on('connect', refusals.connect);
}

async function close(server: Server): Promise<void> {
  // A client that never lets its connection become idle, such as a busy proxy, would keep the server open for ever.
  const closeAfterAnswer: RequestListener = (_request, response) => void response.setHeader('connection', 'close');
  server.prependListener('request', closeAfterAnswer).prependListener('checkExpectation', closeAfterAnswer);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
