// Detects whether a stream lost entries: compares it with the records that routers, checkpoints, blocks in ClickHouse
// and the copy of the topology have of it. A stream that ends before a recorded sequence, or has another entry there,
// has gone back.
//
// Other processes write in the meantime, so the records about a stream are always read before the stream's end.
// Otherwise entries that were added in between would seem to be missing.
import type { Partition } from '../domain/ids.ts';
import { consumedThrough, type CommitHeader } from '../domain/commit.ts';
import type { LogEpoch } from '../domain/log-epoch.ts';
import type { CommitMark } from '../domain/log-mark.ts';
import { allPartitions } from '../domain/partition.ts';
import type { TopologyHistory } from '../domain/topology-history.ts';
import type { Checkpoints } from '../ports/checkpoints.ts';
import type { LogBounds } from '../ports/log.ts';
import type { ReadingsLog } from '../ports/readings-log.ts';
import type { SpaceEventsLog, StoredBlockMark } from '../ports/space-events-log.ts';
import { isConsumed, isFollowed, isThere, readable } from '../router/marked-logs.ts';
import type { RecoveryRecords } from '../ports/recovery.ts';
import type { UnreadableReadings } from './unreadable-readings.ts';

export interface LogDeps {
  readonly partitions: number;
  /** The epoch in which this process works. An inspection sets it to the one recorded in ClickHouse. */
  readonly epoch: LogEpoch;
  readonly readings: Pick<ReadingsLog, 'at' | 'bounds' | 'lastSeqBefore'>;
  readonly unreadable: Pick<UnreadableReadings, 'unreported' | 'report' | 'lookAgain'>;
  readonly events: SpaceEventsLog;
  readonly topology: TopologyHistory;
  /** Resolves once `topology` includes everything that is in the log now. */
  readonly catchUpTopology: () => Promise<unknown>;
  readonly checkpoints: Checkpoints;
  readonly records: RecoveryRecords;
}

export type LogName = 'READINGS' | 'SPACE_EVENTS' | 'TOPOLOGY' | 'CHECKPOINTS' | 'epoch';

/** A difference between a log and the records about it. */
export interface Discrepancy {
  readonly log: LogName;
  readonly detail: string;
  /** True if nothing that other processes write during an inspection looks like this. */
  readonly isCertain?: true;
}

type SavedCheckpoint = Awaited<ReturnType<Checkpoints['last']>>;

const INSPECTIONS_MAX = 5;

/** The last commits that this process has folded, which may be newer than everything that was saved. */
export type SeenHere = readonly CommitMark[];

/**
 * Sets `epoch` to the current epoch of the logs.
 * @returns an empty list if the logs hold everything that was recorded about them
 */
export async function inspectLogs(deps: LogDeps, seenHere: SeenHere = []): Promise<Discrepancy[]> {
  for (let inspections = 1; ; inspections++) {
    const saved = await savedCheckpoints(deps);
    const found = await inspect(deps, saved, seenHere);
    if (found.length === 0 || isCertain(found) || inspections === INSPECTIONS_MAX) return found;
    const savedNow = await savedCheckpoints(deps);
    // If a newer checkpoint was saved, the log may have been truncated in the meantime, so that nothing that is
    // needed is missing.
    if (savedNow.every(({ revision }, k) => revision === saved[k]?.revision)) return found;
  }
}

/**
 * True if there is no need to look again. Then shards must not run on: once blocks are stored that were cut after the
 * damage, a process that is started later cannot tell that messages were skipped.
 */
export function isCertain(found: readonly Discrepancy[]): boolean {
  return found.some((discrepancy) => discrepancy.isCertain);
}

async function savedCheckpoints({ partitions, checkpoints }: LogDeps): Promise<SavedCheckpoint[]> {
  return Promise.all(allPartitions(partitions).map((partition) => checkpoints.last(partition)));
}

async function inspect(deps: LogDeps, saved: readonly SavedCheckpoint[], seenHere: SeenHere): Promise<Discrepancy[]> {
  const { partitions, epoch, topology, records, events, readings } = deps;
  const { begun, done } = await records.epochs();
  epoch.current = done;
  if (begun !== done) return [{ log: 'epoch', detail: `the repair that began epoch ${begun} was not finished` }];
  const [blocks, copied] = [await records.lastBlocks(), await records.lastCopied()];
  // A commit of an unknown version does not prove a loss: its shard fails, and the others run.
  const last = await Promise.all(allPartitions(partitions).map((router) => readable(() => events.lastCommit(router))));
  await deps.catchUpTopology();
  const [logEnd, readingsBounds] = [await events.bounds(), await readings.bounds()];

  const inNats = topology.latest().epoch()?.epoch ?? 0;
  if (inNats !== done)
    return [
      {
        log: inNats < done ? 'TOPOLOGY' : 'epoch',
        detail: `ClickHouse is in epoch ${done} of the logs, but NATS is in epoch ${inNats}`,
      },
    ];
  const found: Discrepancy[] = [];
  if (copied && topology.digestAt(copied.seq) !== copied.digest)
    found.push({ log: 'TOPOLOGY', detail: `it does not hold entry ${copied.seq}, of which ClickHouse has a copy` });
  const each = saved.map(async (checkpoint, k) => {
    const partition = k as Partition;
    const { seq, header } = last[k] ?? { seq: Infinity, header: undefined };
    return [
      ...(await checkChain(deps, partition, seq, saved)),
      ...(header ? await checkRouter(deps, header, readingsBounds) : []),
      ...(await checkCheckpoint(deps, partition, checkpoint, logEnd)),
      ...(await checkBlock(deps, partition, blocks.get(partition), checkpoint.revision, logEnd)),
    ];
  });
  found.push(...(await Promise.all(each)).flat(), ...(await checkOldestCheckpoint(deps, saved)));
  const routedSeq = Math.min(...last.map((commit) => routedSeqOf(commit?.header)));
  found.push(...(await checkUnreadable(deps, routedSeq, readingsBounds)));
  for (const mark of seenHere) {
    if (!(await isThere(events, mark, logEnd)))
      found.push({
        log: 'SPACE_EVENTS',
        detail: `it ends at ${logEnd.lastSeq}, and does not hold commit ${mark.seq}, which this process has folded`,
      });
  }
  return found;
}

/**
 * A router's commits must continue from the last one that a checkpoint includes, otherwise the fold refuses them
 * (F1).
 */
async function checkChain(
  { epoch, events }: LogDeps,
  router: Partition,
  lastSeq: number,
  saved: readonly SavedCheckpoint[],
): Promise<Discrepancy[]> {
  const folded = saved
    .filter((checkpoint) => checkpoint.epoch === epoch.current)
    .flatMap(({ commitSeqs }) => commitSeqs[router] ?? []);
  if (folded.length === 0) return [];
  const foldedSeq = Math.max(...folded);
  if (lastSeq < foldedSeq)
    return [
      {
        log: 'SPACE_EVENTS',
        detail: `its last commit of router ${router} is ${lastSeq}, but a checkpoint includes ${foldedSeq}`,
      },
    ];
  const next = await readable(() => events.firstCommitFrom(router, foldedSeq + 1));
  if (!next || next.previousSeq === foldedSeq) return [];
  return [
    {
      log: 'SPACE_EVENTS',
      detail: `router ${router} continued from commit ${next.previousSeq}, but a checkpoint includes ${foldedSeq}`,
    },
  ];
}

async function checkRouter(
  { topology, readings }: LogDeps,
  header: CommitHeader,
  bounds: LogBounds,
): Promise<Discrepancy[]> {
  const { router, readingsSeq, readingsMark, topologySeq } = header;
  const found: Discrepancy[] = [];
  if (!isFollowed(topology, header))
    found.push({
      log: 'TOPOLOGY',
      detail: `it ends at ${topology.seq}, and is not the log that router ${router} followed up to ${topologySeq}`,
    });
  if (!(await isConsumed(readings, readingsSeq, readingsMark, bounds))) {
    found.push({
      log: 'READINGS',
      detail: `it ends at ${bounds.lastSeq}, and is not the log that router ${router} consumed up to ${readingsSeq}`,
    });
  }
  return found;
}

/** The sequence up to which a router has routed everything. */
function routedSeqOf(header: CommitHeader | undefined): number {
  return header ? consumedThrough(header) : 0;
}

async function checkUnreadable(
  { unreadable }: LogDeps,
  routedSeq: number,
  { lastSeq }: LogBounds,
): Promise<Discrepancy[]> {
  const ranges = await unreadable.unreported(routedSeq, lastSeq);
  return ranges.map(([fromSeq, toSeq]) => ({
    log: 'READINGS',
    detail: `nats-server holds messages ${fromSeq} to ${toSeq}, and does not return them`,
    isCertain: true,
  }));
}

async function checkCheckpoint(
  { epoch, events }: LogDeps,
  partition: Partition,
  { revision, ...checkpoint }: SavedCheckpoint,
  end: LogBounds,
): Promise<Discrepancy[]> {
  if (revision === 0 ? epoch.current > 0 : checkpoint.epoch !== epoch.current) {
    return [
      {
        log: 'CHECKPOINTS',
        detail: `the checkpoint of shard ${partition} is ${revision === 0 ? 'missing' : `of epoch ${checkpoint.epoch}`}, but the logs are in epoch ${epoch.current}`,
      },
    ];
  }
  if (!(await isThere(events, checkpoint.mark, end))) {
    return [
      {
        log: 'SPACE_EVENTS',
        detail: `it ends at ${end.lastSeq}, and does not hold commit ${checkpoint.mark.seq}, which the checkpoint of shard ${partition} includes`,
      },
    ];
  }
  // An unreadable checkpoint has no mark.
  if (revision > 0 && checkpoint.mark.seq === 0) return [];
  const next = checkpoint.mark.seq + 1;
  if (next > end.lastSeq || (await events.commitIdAt(next)) !== undefined) return [];
  return [
    {
      log: 'CHECKPOINTS',
      detail: `the checkpoint of shard ${partition} ends at ${checkpoint.mark.seq} of SPACE_EVENTS, which no longer holds commit ${next}`,
    },
  ];
}

/**
 * Checks that no commit after the oldest checkpoint was truncated. If one was, the first commit of some router after
 * that checkpoint names it as its predecessor. The oldest checkpoint is sufficient, because truncation starts at the
 * beginning of the log: commits that a newer checkpoint lacks are missing for the oldest one too.
 */
async function checkOldestCheckpoint(
  { epoch, events, partitions }: LogDeps,
  saved: readonly SavedCheckpoint[],
): Promise<Discrepancy[]> {
  // An unreadable checkpoint has no mark.
  const known = saved.filter(
    ({ revision, mark, epoch: its }) => its === epoch.current && (revision === 0 || mark.seq > 0),
  );
  if (known.length === 0) return [];
  const seq = Math.min(...known.map(({ mark }) => mark.seq));
  const next = await Promise.all(
    allPartitions(partitions).map((router) => readable(() => events.firstCommitFrom(router, seq + 1))),
  );
  const missing = next.find((header) => header && header.previousSeq > seq)?.previousSeq;
  return missing === undefined
    ? []
    : [
        {
          log: 'CHECKPOINTS',
          detail: `the oldest checkpoint ends at ${seq} of SPACE_EVENTS, which no longer holds commit ${missing}`,
        },
      ];
}

async function checkBlock(
  { epoch, events }: LogDeps,
  partition: Partition,
  block: StoredBlockMark | undefined,
  revision: number,
  end: LogBounds,
): Promise<Discrepancy[]> {
  if (!block) return [];
  if (revision === 0 && end.lastSeq === 0)
    return [
      { log: 'SPACE_EVENTS', detail: `it is empty, but ClickHouse has ${block.number} blocks of shard ${partition}` },
    ];
  if (block.epoch > epoch.current)
    return [
      {
        log: 'epoch',
        detail: `block ${block.number} of shard ${partition} is of epoch ${block.epoch}, but the logs are in epoch ${epoch.current}`,
      },
    ];
  if (block.epoch < epoch.current || (await isThere(events, block.mark, end))) return [];
  return [
    {
      log: 'SPACE_EVENTS',
      detail: `it ends at ${end.lastSeq}, and does not hold commit ${block.mark.seq}, at which block ${block.number} of shard ${partition} was cut`,
    },
  ];
}
