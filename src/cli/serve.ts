// Serves the API: HTTP first, so that probes are answered from the start, then the engines, then the service. Stops in reverse order.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Failure } from '../domain/failure.ts';
import { Gate } from '../http/middleware/gate.ts';
import { openProtection } from '../http/middleware/protection.ts';
import { listen, type HttpServer } from '../http/server.ts';
import { startEngines, type Engines } from '../local/engines.ts';
import { LocalEngineError, portTaken, systemCode } from '../local/local-engine-error.ts';
import { readingsKeyIn } from '../local/readings-key.ts';
import { createLog } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { startTracing } from '../observability/start-tracing.ts';
import type { Service } from '../service.ts';
import type { PrintLine } from './print-line.ts';
import { serviceOptionsOf } from './service-options.ts';

export interface Running {
  readonly url: string;
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  readonly mqttPort: number | undefined;
  readonly service: Service;
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly printLine: PrintLine;
  /**
   * Called when an engine that was started here has died, and each time that restarting it fails; restarting
   * continues.
   */
  readonly onFailure: (error: Error) => void;
  readonly logLevel: Config['LOG_LEVEL'];
  /** This machine's clock; `Date.now` by default. */
  readonly now?: () => number;
}

/**
 * @throws Error with one sentence that tells the operator what to do
 */
export async function serve(
  config: Config,
  { printLine, onFailure, logLevel, now = Date.now }: ServeOptions,
): Promise<Running> {
  const log = createLog(logLevel);
  let [engines, service, http]: [Engines?, Service?, HttpServer?] = [];
  // First, so that a service that others could use without a token never starts.
  const protection = await openProtection(config, log, {
    device: (id) => service?.topology.history.latest().device(id),
    displays: () => {
      if (!service) throw new Failure('unavailable', 'the service is starting', { retryAfterSeconds: 1 });
      return service.stores.displays;
    },
  });
  const metrics = new Metrics();
  const gate = new Gate(metrics);
  const stopTracing = await startTracingIfSet(config);
  const stop = async (): Promise<void> => {
    gate.drain();
    if (service?.isReady) await sleep(config.SHUTDOWN_WAIT_MS);
    // The HTTP server waits for open streams, which never end by themselves.
    service?.live.stop();
    await http?.stop();
    await service?.stop();
    await engines?.stop();
    await stopTracing();
  };
  try {
    http = await listenOn(config, gate, log);
    void showPage(gate, log);
    engines = await startEngines(config, printLine, onFailure, () => void loadService().catch(() => undefined));
    const [{ Service }, { createApp }, { pageFolder }] = await loadService();
    const options = serviceOptionsOf(config, engines, await readingsKeyFor(config, log));
    service = await Service.start({ ...options, now }, log, metrics);
    const { clock } = service;
    const page = await pageFolder();
    const api = createApp(service, log, { ...protection, now: () => clock.now(), page }).callback();
    gate.open((request, response) => void api(request, response), service);
    const { natsUrl, clickhouseUrl, mqttPort } = engines;
    return { url: http.url, natsUrl, clickhouseUrl, mqttPort, service, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Until the service has started. Without the page, browsers get the same refusal as other clients. */
async function showPage(gate: Gate, log: Logger): Promise<void> {
  try {
    const { startingPage } = await import('../http/starting-page.ts');
    gate.beforeOpen(await startingPage());
  } catch (error) {
    log.warn({ err: error }, 'the page cannot be shown while the service starts');
  }
}

/** Most of the code. It is loaded while the engines start. */
async function loadService() {
  return Promise.all([import('../service.ts'), import('../http/app.ts'), import('../http/page.ts')]);
}

/** @returns a function that stops tracing */
async function startTracingIfSet({ TRACES_URL: url, TRACES_RATIO: ratio }: Config): Promise<() => Promise<void>> {
  return url === undefined ? async () => undefined : startTracing({ url, ratio });
}

async function listenOn({ HOST: host, PORT: port }: Config, gate: Gate, log: Logger): Promise<HttpServer> {
  return listen(gate.handle, host, port, log).catch((error: unknown) => {
    if (systemCode(error) === 'EADDRINUSE') throw portTaken(host, port, 'PORT');
    throw new LocalEngineError('failed', `Cannot listen on ${host}:${port} (HOST, PORT): ${String(error)}`, {
      cause: error,
    });
  });
}

/**
 * A NATS server that was started here serves only this process, so a key can be generated. Otherwise all processes
 * must share one.
 */
async function readingsKeyFor(config: Config, log: Logger): Promise<string | undefined> {
  if (config.READINGS_KEY !== undefined) return config.READINGS_KEY;
  if (config.NATS_URL === undefined) return readingsKeyIn(config.DENSITY_DATA_DIR);
  log.warn(
    'READINGS_KEY is not set: if clocks differ, a reading that was accepted over HTTP may be dead-lettered for its timestamp',
  );
  return undefined;
}
