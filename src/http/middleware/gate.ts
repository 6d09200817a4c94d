// The first handler of every request, from before the service has started until after it has stopped. Answers the
// probes and metrics at the root (`/livez`, `/readyz`, `/metrics`) and passes everything else to the API once it is
// up.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Metrics } from '../../metrics.ts';
import { answerProblem } from './refusals.ts';

/** What an orchestrator has to know about the service. */
export interface Readiness {
  /** Why this process cannot answer now; undefined if it can. */
  readonly unready: string | undefined;
  /** Why some shards are unavailable although the others work. */
  readonly refusals: readonly string[];
}

const METHODS = 'GET, HEAD';

export class Gate {
  readonly #metrics: Metrics;
  #api: { readonly handle: RequestListener; readonly readiness: Readiness } | undefined;
  #beforeOpen: RequestListener = refuseWhileStarting;
  #isDraining = false;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Passes requests to this until the gate opens. */
  beforeOpen(handle: RequestListener): void {
    this.#beforeOpen = handle;
  }

  /** Passes requests to the API from now on. */
  open(handle: RequestListener, readiness: Readiness): void {
    this.#api = { handle, readiness };
  }

  /** Reports "not ready" from now on, so that load balancers stop sending requests. Requests are still answered. */
  drain(): void {
    this.#isDraining = true;
  }

  readonly handle: RequestListener = (request, response) => {
    const path = (request.url ?? '').replace(/\/?(\?.*)?$/s, '');
    switch (path) {
      case '/livez':
        return only(request, response, () => text(response, 200, 'alive'));
      case '/readyz':
        return only(request, response, () => this.#answerReadiness(response));
      case '/metrics':
        return only(request, response, () => this.#answerMetrics(request, response));
      default:
        return void (this.#api?.handle ?? this.#beforeOpen)(request, response);
    }
  };

  #answerReadiness(response: ServerResponse): void {
    const unready = this.#isDraining
      ? 'stopping'
      : this.#api
        ? this.#api.readiness.unready
        : 'starting: waiting for the topology or catching up with the log';
    if (unready === undefined) text(response, 200, ['ready', ...(this.#api?.readiness.refusals ?? [])].join('\n'));
    else text(response, 503, unready);
  }

  #answerMetrics(request: IncomingMessage, response: ServerResponse): void {
    this.#metrics.render().then(
      (body) =>
        response.writeHead(200, { 'content-type': this.#metrics.contentType, 'cache-control': 'no-store' }).end(body),
      (error: unknown) => answerProblem(request, response, 500, `cannot collect metrics: ${String(error)}`),
    );
  }
}

function only(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
  if (request.method === 'GET' || request.method === 'HEAD') answer();
  else answerProblem(request, response, 405, `this path allows ${METHODS}`, { allow: METHODS });
}

function text(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(`${body}\n`);
}

export function refuseWhileStarting(request: IncomingMessage, response: ServerResponse): void {
  answerProblem(request, response, 503, 'the service is starting', { 'retry-after': '1' });
}
