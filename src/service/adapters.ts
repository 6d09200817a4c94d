// The implementations of all ports on NATS and ClickHouse.
import { nuid } from 'nats';
import type { Logger } from 'pino';
import { ClickHouseEventPages } from '../clickhouse/event-pages.ts';
import { ClickHouseHistory } from '../clickhouse/history.ts';
import { ClickHouseLogPlaces } from '../clickhouse/log-places.ts';
import { StoredBlocks } from '../clickhouse/stored-blocks.ts';
import { ClickHousePartitionRecords } from '../clickhouse/partition-records.ts';
import { ClickHouseRecoveryRecords } from '../clickhouse/recovery-records.ts';
import type { LogEpoch } from '../domain/log-epoch.ts';
import type { Metrics } from '../metrics.ts';
import { NatsChangeChannel } from '../nats/change-channel.ts';
import { NatsCheckpoints } from '../nats/checkpoints.ts';
import { NatsDeadLetters } from '../nats/dead-letters.ts';
import { NatsDisplayStore } from '../nats/display-store.ts';
import { NatsFloorPlanStore } from '../nats/floor-plan-store.ts';
import { NatsLink } from '../nats/link.ts';
import { LogClock } from '../nats/log-clock.ts';
import { openForwardedMessages } from '../nats/forwarded-messages.ts';
import { openMqttMessages } from '../nats/mqtt-messages.ts';
import { NatsReadingsLog } from '../nats/readings-log.ts';
import { NatsReportRequests } from '../nats/report-requests.ts';
import { NatsSpaceEventsLog } from '../nats/space-events-log.ts';
import { NatsTopologyLog } from '../nats/topology-log.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import type { Connections } from './connections.ts';
import type { ServiceOptions } from './options.ts';

export interface AdapterDeps {
  readonly options: ServiceOptions;
  readonly epoch: LogEpoch;
  /** Called whenever the connection to NATS is lost or restored. */
  readonly onLinkChange: () => void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export type Adapters = ReturnType<typeof createAdapters>;

export function createAdapters(
  { nats: { nc, js, jsm }, clickhouse, leases, logId }: Connections,
  { options, epoch, onLinkChange, metrics, log }: AdapterDeps,
) {
  const link = new NatsLink(nc, log, onLinkChange);
  const disconnects = (): number => link.disconnects;
  const storedBlocks = new StoredBlocks(clickhouse);
  return {
    link,
    leases,
    clock: new LogClock(jsm, {
      now: options.now ?? Date.now,
      timing: MACHINE_TIMING,
      log,
      onMeasured: (aheadMs) => metrics.clockMeasured(aheadMs / 1_000),
    }),
    readings: new NatsReadingsLog(nc, js, jsm, options.partitions, disconnects),
    events: new NatsSpaceEventsLog(js, jsm, epoch, disconnects),
    topologyLog: new NatsTopologyLog(js),
    checkpoints: new NatsCheckpoints(js, jsm),
    deadLetters: new NatsDeadLetters(js, jsm),
    displays: new NatsDisplayStore(js, options.replicas),
    floorPlans: new NatsFloorPlanStore(js, options.replicas),
    changes: new NatsChangeChannel(nc),
    reportRequests: new NatsReportRequests(nc, log),
    openMqttMessages: () => openMqttMessages(nc, options.replicas),
    openForwardedMessages: () => openForwardedMessages(js, jsm),
    pingNats: () => nc.rtt(),
    newId: () => nuid.next(),
    history: new ClickHouseHistory(clickhouse, logId, storedBlocks),
    logPlaces: new ClickHouseLogPlaces(clickhouse),
    eventPages: new ClickHouseEventPages(clickhouse, storedBlocks),
    recovery: new ClickHouseRecoveryRecords(clickhouse, options.tables?.cluster),
    partitionRecords: new ClickHousePartitionRecords(clickhouse),
  };
}
