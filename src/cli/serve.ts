// Runs the service with whatever engines it needs, until a signal.
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { createApp } from '../http/app.ts';
import { Gate } from '../http/middleware/gate.ts';
import { openProtection } from '../http/middleware/protection.ts';
import { listen, type HttpServer } from '../http/server.ts';
import { startEngines, type Engines } from '../local/engines.ts';
import { LocalEngineError, portTaken, systemCode } from '../local/local-engine-error.ts';
import { readingsKeyIn } from '../local/readings-key.ts';
import { createLog } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { natsSecurityOf } from './nats-security.ts';
import { startTracing } from '../observability/start-tracing.ts';
import { Service } from '../service.ts';
import { tableOptionsOf } from './table-options.ts';

export interface Running {
  readonly url: string;
  readonly natsUrl: string;
  readonly clickhouseUrl: string;
  readonly mqttPort: number | undefined;
  readonly service: Service;
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly say: (line: string) => void;
  /** Something that was started here has ended by itself: the service cannot go on. */
  readonly onFailure: (error: Error) => void;
  readonly logLevel: Config['LOG_LEVEL'];
  /** This machine's clock; the real one unless told. */
  readonly now?: () => number;
}

/** @throws Error with one sentence that says what to do */
export async function serve(
  config: Config,
  { say, onFailure, logLevel, now = Date.now }: ServeOptions,
): Promise<Running> {
  const log = createLog(logLevel);
  // First of all: a service that others could use as they like is not to start.
  const protection = await openProtection(config, log);
  const metrics = new Metrics();
  const gate = new Gate(metrics);
  const stopTracing =
    config.TRACES_URL === undefined
      ? async (): Promise<void> => undefined
      : await startTracing({ url: config.TRACES_URL, ratio: config.TRACES_RATIO });
  let [engines, service, http]: [Engines?, Service?, HttpServer?] = [];
  const stop = async (): Promise<void> => {
    gate.drain();
    if (service?.isReady) await sleep(config.SHUTDOWN_WAIT_MS);
    // Live streams never end by themselves, and the server waits for them.
    service?.live.stop();
    await http?.stop();
    await service?.stop();
    await engines?.stop();
    await stopTracing();
  };
  try {
    http = await listen(gate.handle, config.HOST, config.PORT, log).catch((error: unknown) => {
      if (systemCode(error) === 'EADDRINUSE') throw portTaken(config.HOST, config.PORT, 'PORT');
      throw new LocalEngineError(
        'failed',
        `Cannot listen on ${config.HOST}:${config.PORT} (HOST, PORT): ${String(error)}`,
        { cause: error },
      );
    });
    engines = await startEngines(config, say, onFailure);
    const readingsKey =
      config.READINGS_KEY ?? (config.NATS_URL === undefined ? await readingsKeyIn(config.DENSITY_DATA_DIR) : undefined);
    if (readingsKey === undefined)
      log.warn(
        'READINGS_KEY is not set: a reading that was accepted over HTTP may become a dead letter where clocks differ',
      );
    service = await Service.start(
      {
        natsUrl: engines.natsUrl,
        now,
        natsSecurity: natsSecurityOf(config),
        clickhouseUrl: engines.clickhouseUrl,
        partitions: config.PARTITIONS,
        replicas: config.STREAM_REPLICAS,
        settings: {
          outOfOrdernessMs: config.OUT_OF_ORDERNESS_MS,
          idleTimeoutMs: config.IDLE_TIMEOUT_MS,
          blockRowsMax: config.BLOCK_ROWS_MAX,
          blockAgeMaxMs: config.BLOCK_AGE_MAX_MS,
          lateBlockAgeMaxMs: config.LATE_BLOCK_AGE_MAX_MS,
          bufferEventsMax: config.BUFFER_EVENTS_MAX,
        },
        skewMs: config.SKEW_MAX_MS,
        earliestMs: config.EARLIEST_TIMESTAMP,
        readingsKey,
        tickIntervalMs: config.TICK_INTERVAL_MS,
        readingsKeptMs: config.READINGS_KEPT_HOURS * 3_600_000,
        natsStoreBytes: engines.natsStoreBytes,
        deadLetters: { bytesMax: config.DEAD_LETTERS_BYTES_MAX, keptMs: config.DEAD_LETTERS_KEPT_DAYS * 86_400_000 },
        subscribersMax: config.STREAM_SUBSCRIBERS_MAX,
        heartbeatMs: config.STREAM_HEARTBEAT_MS,
        nodeName: config.NODE_NAME || `${hostname()}-${process.pid}`,
        takesShards: config.ROLE !== 'api',
        standsBy: config.STANDBY === '1',
        leaseTtlMs: config.LEASE_TTL_MS,
        tables: tableOptionsOf(config),
      },
      log,
      metrics,
    );
    const { clock } = service;
    const api = createApp(service, log, { ...protection, now: () => clock.now() }).callback();
    gate.open((request, response) => void api(request, response), service);
    return {
      url: http.url,
      natsUrl: engines.natsUrl,
      clickhouseUrl: engines.clickhouseUrl,
      mqttPort: engines.mqttPort,
      service,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export async function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(130);
        isFirst = false;
        resolve(signal);
      });
    }
  });
}

/** Aborts at the first SIGINT or SIGTERM. */
export function interrupted(): AbortSignal {
  const abort = new AbortController();
  void signalled().then(() => abort.abort());
  return abort.signal;
}
