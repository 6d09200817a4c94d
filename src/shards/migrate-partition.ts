// Migrates a partition from version 1 of the log: stores in ClickHouse what only the log holds, and saves the state
// computed from history. So only the migration reads the old log (docs/adr/0064). Idempotent, also after a kill.
import { blockOf } from '../../actors/partition/block.ts';
import type { LogTail } from '../../actors/partition/log-tail.ts';
import type { History } from '../ports/history.ts';
import { missingFrom, saveRebuilt, type RebuildDeps } from './rebuild-partition.ts';

const ROWS_PER_BLOCK = 20_000;

export interface MigrateDeps extends RebuildDeps {
  readonly history: RebuildDeps['history'] & Pick<History, 'storeBlock'>;
}

/**
 * @returns the number of events that only the log held
 */
export async function migratePartition(deps: MigrateDeps, tail: LogTail): Promise<number> {
  const { epoch, partition, history, checkpoints } = deps;
  const { revision } = await checkpoints.last(partition);
  const missing = await missingFrom(deps, tail);
  let number = await history.lastBlock(partition);
  for (let at = 0; at < missing.length; at += ROWS_PER_BLOCK)
    await history.storeBlock(blockOf(epoch, partition, ++number, missing.slice(at, at + ROWS_PER_BLOCK)));
  await saveRebuilt(deps, revision, tail, []);
  return missing.length;
}
