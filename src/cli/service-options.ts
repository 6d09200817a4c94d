import { hostname } from 'node:os';
import type { Config } from '../config.ts';
import { DAY_MS, HOUR_MS } from '../domain/zone.ts';
import type { Engines } from '../local/engines.ts';
import type { ServiceOptions } from '../service/options.ts';
import { natsSecurityOf } from './nats-security.ts';
import { tableOptionsOf } from './table-options.ts';

/** The options of the service, from the configuration and the engines that it runs on. */
export function serviceOptionsOf(config: Config, engines: Engines, readingsKey: string | undefined): ServiceOptions {
  return {
    natsUrl: engines.natsUrl,
    natsSecurity: natsSecurityOf(config),
    clickhouseUrl: engines.clickhouseUrl,
    tables: tableOptionsOf(config),
    partitions: config.PARTITIONS,
    replicas: config.STREAM_REPLICAS,
    settings: {
      outOfOrdernessMs: config.OUT_OF_ORDERNESS_MS,
      idleTimeoutMs: config.IDLE_TIMEOUT_MS,
      blockRowsMax: config.BLOCK_ROWS_MAX,
      blockAgeMaxMs: config.BLOCK_AGE_MAX_MS,
      lateBlockAgeMaxMs: config.LATE_BLOCK_AGE_MAX_MS,
      bufferEventsMax: config.BUFFER_EVENTS_MAX,
      // Last, as in what is read back from TOPOLOGY, with which these are compared as JSON at each start.
      repeatedLateBlockAgeMaxMs: config.REPEATED_LATE_BLOCK_AGE_MAX_MS,
    },
    skewMs: config.SKEW_MAX_MS,
    earliestMs: config.EARLIEST_TIMESTAMP,
    readingsKey,
    tickIntervalMs: config.TICK_INTERVAL_MS,
    readingsKeptMs: config.READINGS_KEPT_HOURS * HOUR_MS,
    natsStoreBytes: engines.natsStoreBytes,
    deadLetters: { bytesMax: config.DEAD_LETTERS_BYTES_MAX, keptMs: config.DEAD_LETTERS_KEPT_DAYS * DAY_MS },
    subscribersMax: config.STREAM_SUBSCRIBERS_MAX,
    heartbeatMs: config.STREAM_HEARTBEAT_MS,
    nodeName: config.NODE_NAME || `${hostname()}-${process.pid}`,
    // A data folder has one NATS server, and one process that runs it.
    instanceId: config.INSTANCE_ID || (config.NATS_URL === undefined ? 'embedded' : undefined),
    takesShards: config.ROLE !== 'api',
    standsBy: config.STANDBY === '1',
    leaseTtlMs: config.LEASE_TTL_MS,
  };
}
