import { windowBlocksFor, type TableOptions } from '../clickhouse/schema.ts';
import type { Config } from '../config.ts';

/** How the tables are created. */
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
    // The engine on this machine is for trying things out, on disks that are slow to sync.
    isSynced: CLICKHOUSE_URL !== undefined,
    cold: volume === undefined ? undefined : { volume, afterDays },
  };
}
