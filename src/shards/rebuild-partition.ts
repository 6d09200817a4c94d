// Rebuilds a partition's state from ClickHouse, the log and the topology, and saves it in place of an unusable
// checkpoint. Idempotent, also after a kill. No process may run the shard meanwhile, because it would cut other
// blocks than the rebuilt state.
import { foldFromHistory, followTail } from '../../actors/partition/fold-from-history.ts';
import { LogTail } from '../../actors/partition/log-tail.ts';
import { encodeSnapshot } from '../../actors/partition/snapshot.ts';
import type { Partition } from '../domain/ids.ts';
import type { LoggedEvent } from '../domain/log-entry.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { Checkpoints } from '../ports/checkpoints.ts';
import type { History, PartitionRecords } from '../ports/history.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { configsOf } from '../domain/topology-change.ts';
import { Superseded } from '../router/router.ts';
import { correctFold } from './correct-fold.ts';

const ENTRIES_PER_READ = 500;

export interface RebuildDeps {
  readonly partition: Partition;
  readonly partitions: number;
  readonly epoch: number;
  readonly events: Pick<SpaceEventsLog, 'open' | 'end'>;
  readonly history: Pick<History, 'lastBlock' | 'readingsUpTo' | 'occupancySegments' | 'newestInstants'>;
  readonly records: PartitionRecords;
  readonly checkpoints: Checkpoints;
  /** Must be read at least as far as every router has read it. */
  readonly topology: TopologyHistory;
}

export interface Rebuilt {
  readonly spaces: number;
  /** The last block in ClickHouse. */
  readonly block: number;
  /** The number of events that only the log holds. */
  readonly unstoredEvents: number;
  /** The last sequence of the log that was read. */
  readonly seq: number;
}

/**
 * @throws Superseded if another process saved a checkpoint meanwhile
 */
export async function rebuildPartition(deps: RebuildDeps): Promise<Rebuilt> {
  const { revision, storedBeforeSeq } = await deps.checkpoints.last(deps.partition);
  const tail = await readTail(deps, storedBeforeSeq);
  const missing = await missingFrom(deps, tail);
  return saveRebuilt(deps, revision, tail, missing);
}

/** The events in the log that ClickHouse lacks. First completes the last block, because it may be partly stored. */
export async function missingFrom(
  { partition, epoch, history, records }: RebuildDeps,
  tail: LogTail,
): Promise<LoggedEvent[]> {
  const block = await history.lastBlock(partition);
  if (block > 0) await records.completeBlock(partition, block);
  return tail.missing(await records.claims(partition, tail.places()), epoch);
}

/**
 * Saves the state computed from history and then from the missing events, as of the end of a log. @throws Superseded
 * if `revision` is no longer the last one
 */
export async function saveRebuilt(
  deps: RebuildDeps,
  revision: number,
  tail: LogTail,
  missing: readonly LoggedEvent[],
): Promise<Rebuilt> {
  const { partition, partitions, epoch, history, records, checkpoints, topology } = deps;
  const block = await history.lastBlock(partition);
  const view = topology.at(tail.topologySeq);
  const fold = foldFromHistory({
    epoch,
    partition,
    partitions,
    block,
    settings: view.settings(),
    configs: configsOf(view, partition, partitions),
    newest: await records.newest(partition),
    readings: await history.readingsUpTo(partition, block),
  });
  await correctFold(fold, history);
  followTail(fold, tail, missing);
  const saved = await checkpoints.save(
    partition,
    {
      storedBeforeSeq: fold.storedBeforeSeq,
      epoch: fold.epoch,
      mark: fold.mark,
      commitSeqs: fold.commitSeqs,
      snapshot: encodeSnapshot(fold),
    },
    revision,
  );
  if (saved === undefined) throw new Superseded(`another process saved a checkpoint of shard ${partition}`);
  return { spaces: fold.spaces, block, unstoredEvents: missing.length, seq: fold.seq };
}

async function readTail({ partition, partitions, events }: RebuildDeps, storedBeforeSeq: number): Promise<LogTail> {
  const tail = new LogTail(partition, partitions, storedBeforeSeq);
  // The last entry of a log is never truncated.
  const end = await events.end();
  if (end === 0) return tail;
  const cursor = await events.open(partition, 0);
  try {
    while (tail.seq < end) for (const entry of await cursor.next(ENTRIES_PER_READ)) tail.add(entry);
  } finally {
    await cursor.close();
  }
  return tail;
}
