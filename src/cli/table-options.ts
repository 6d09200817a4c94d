import { windowBlocksFor, type TableOptions } from '../clickhouse/schema.ts';
import type { Config } from '../config.ts';

/** The options for creating the tables. */
export function tableOptionsOf(config: Config): TableOptions {
  const {
    CLICKHOUSE_URL,
    CLICKHOUSE_CLUSTER,
    CLICKHOUSE_COLD_VOLUME: volume,
    HISTORY_HOT_DAYS: afterDays,
    PARTITIONS,
    BLOCK_AGE_MAX_MS,
    LATE_BLOCK_AGE_MAX_MS,
  } = config;
  return {
    cluster: CLICKHOUSE_CLUSTER,
    windowBlocks: windowBlocksFor(PARTITIONS, Math.min(BLOCK_AGE_MAX_MS, LATE_BLOCK_AGE_MAX_MS)),
    // The local engine is for development, often on disks with slow syncs.
    isSynced: CLICKHOUSE_URL !== undefined,
    cold: volume === undefined ? undefined : { volume, afterDays },
  };
}
