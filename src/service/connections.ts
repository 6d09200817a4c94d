// The connections to NATS and ClickHouse, with all streams and tables in place.
import type { ClickHouseClient } from '@clickhouse/client';
import type { Logger } from 'pino';
import { connectClickHouse } from '../clickhouse/connect.ts';
import { createTables } from '../clickhouse/tables.ts';
import { connectNats, type NatsHandles } from '../nats/connect.ts';
import { NatsLeases } from '../nats/leases.ts';
import { boundsFor, createStreams, SPACE_EVENTS } from '../nats/streams.ts';
import { untilAnswered } from '../nats/until-answered.ts';
import { MACHINE_TIMING } from '../runtime/timing.ts';
import type { ServiceOptions } from './options.ts';

export interface Connections {
  readonly nats: NatsHandles;
  readonly clickhouse: ClickHouseClient;
  readonly leases: NatsLeases;
  /** Identifies the SPACE_EVENTS log, so that ClickHouse never mixes the blocks of two logs. */
  readonly logId: string;
  close(): Promise<void>;
}

/** Connects and creates missing streams and tables. @throws Error that names the URL or the setting */
export async function openConnections(options: ServiceOptions, log: Logger): Promise<Connections> {
  const nats = await connectNats(options.natsUrl, 'density-api', options.natsSecurity);
  let clickhouse: ClickHouseClient | undefined;
  const close = async (): Promise<void> => {
    await nats.nc.close();
    await clickhouse?.close();
  };
  try {
    const answered = async <T>(act: () => Promise<T>): Promise<T> =>
      untilAnswered(act, MACHINE_TIMING, (err) => log.warn({ err }, 'NATS does not answer yet: trying again'));
    const bounds = await answered(async () =>
      boundsFor(nats.jsm, options.natsStoreBytes, options.deadLetters.bytesMax),
    );
    if (bounds.readings === undefined)
      log.warn('READINGS has no size limit: the size of the NATS store is unknown (set NATS_STORE_MAX)');
    await answered(async () => createStreams(nats.jsm, options.partitions, options.replicas, bounds));
    clickhouse = await connectClickHouse(options.clickhouseUrl);
    await createTables(clickhouse, options.tables);
    const { created: logId } = await answered(async () => nats.jsm.streams.info(SPACE_EVENTS));
    const leases = await answered(async () => NatsLeases.open(nats, options.leaseTtlMs, options.replicas));
    return { nats, clickhouse, leases, logId, close };
  } catch (error) {
    await close();
    throw error;
  }
}
