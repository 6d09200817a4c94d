// Repairs logs that lost entries (L3, docs/adr/0065): stores in ClickHouse everything that only the logs and
// checkpoints hold, then begins a new epoch of the logs with one commit per router and one checkpoint per partition.
//
// Invariants:
// - Afterwards, counts are exact for all readings that still exist in READINGS, SPACE_EVENTS, a checkpoint or
//   ClickHouse.
// - No shard may run during a repair.
// - A repair that was interrupted is repeated in a higher epoch, with the same result.
import { blockOf } from '../../actors/partition/block.ts';
import { LogTail } from '../../actors/partition/log-tail.ts';
import { CheckpointRefused, decodeSnapshot } from '../../actors/partition/snapshot.ts';
import { commitOf } from '../domain/commit-codec.ts';
import type { CommitHeader } from '../domain/commit.ts';
import type { Partition } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { EpochChanged } from '../domain/log-epoch.ts';
import { allPartitions, partitionOfDpu } from '../domain/partition.ts';
import type { Passed } from '../domain/measure.ts';
import { identityOf, type Reading } from '../domain/reading.ts';
import { passedUnder } from '../domain/series.ts';
import { readingOf, type EventPlace } from '../domain/space-event.ts';
import type { History, PartitionRecords } from '../ports/history.ts';
import type { StoredBlockMark } from '../ports/space-events-log.ts';
import type { TopologyLog } from '../ports/topology-log.ts';
import { saveRebuilt, type RebuildDeps } from '../shards/rebuild-partition.ts';
import { Superseded } from '../router/router.ts';
import { isThere } from '../router/marked-logs.ts';
import { firstHeader, unionOf, type LostReadings } from './first-header.ts';
import type { LogDeps } from './inspect-logs.ts';
import { eventsToReconcile, rowsByPartition } from './reconcile.ts';
import { repairTopology, type TopologyRepair } from './repair-topology.ts';
import { mergedReports, unreadableIn, type BegunReport, type UnreadableReport } from './unreadable-readings.ts';
import { SurvivingSeries, withDependents } from './surviving-series.ts';
import { viewsOf, type ViewOfReading } from './view-of-reading.ts';

const ENTRIES_PER_READ = 500;
const READINGS_PER_PAGE = 2_000;
const ATTEMPTS_MAX = 20;

export interface RepairDeps extends LogDeps {
  readonly history: Pick<History, 'storeBlock' | 'readingsOfDpus'> & RebuildDeps['history'];
  readonly partitionRecords: PartitionRecords;
  readonly topologyLog: Pick<TopologyLog, 'append'>;
  /** Resolves once `topology` includes a sequence. */
  readonly topologyReached: (seq: number) => Promise<void>;
  readonly newCommitId: () => string;
  readonly nowMs: () => number;
}

export interface RepairReport {
  readonly epoch: number;
  /**
   * Lost messages of READINGS that routers had consumed; null if none. Their readings are still counted if they were
   * stored.
   */
  readonly readings: LostReadings | null;
  /** Lost commits of SPACE_EVENTS, up to the highest sequence recorded anywhere; null if none. */
  readonly commits: { readonly messages: number; readonly fromSeq: number; readonly toSeq: number } | null;
  readonly topology: TopologyRepair;
  /**
   * Messages that READINGS holds and does not return, and whose readings were not stored. Absent if there are none.
   */
  readonly unreadable?: UnreadableReport;
  /** Readings whose rows were compared with the topology. */
  readonly readingsLookedAt: number;
  /** Rows that were added to correct them. */
  readonly rowsStored: number;
}

/**
 * @throws if a port fails; call it again then
 */
export async function repairLogs(deps: RepairDeps): Promise<RepairReport> {
  const repair = new Repair(deps);
  return repair.run();
}

class Repair {
  readonly #deps: RepairDeps;
  readonly #headers = new Map<Partition, CommitHeader | undefined>();
  readonly #blockNumbers = new Map<Partition, number>();
  /** By identity: readings whose rows may be incomplete. */
  readonly #suspects = new Map<string, Reading>();
  readonly #series: SurvivingSeries;
  #epoch = 0;
  #lookedAt = 0;
  #rowsStored = 0;

  constructor(deps: RepairDeps) {
    this.#deps = deps;
    this.#series = new SurvivingSeries(deps.history);
  }

  async run(): Promise<RepairReport> {
    const { epoch, partitions, records, events, topology, history, partitionRecords } = this.#deps;
    const blocks = await records.lastBlocks();
    const { begun, done } = await records.epochs();
    this.#epoch =
      Math.max(
        begun,
        done,
        topology.latest().epoch()?.epoch ?? 0,
        ...[...blocks.values()].map((block) => block.epoch),
      ) + 1;
    const found = await this.#deps.unreadable.report();
    await records.beginEpoch(this.#epoch, found ? JSON.stringify({ unreadable: found } satisfies BegunReport) : '');
    // Read after the epoch has begun, because before that other processes could still store blocks.
    for (const partition of allPartitions(partitions)) {
      const block = await history.lastBlock(partition);
      if (block > 0) await partitionRecords.completeBlock(partition, block);
      this.#blockNumbers.set(partition, block);
      this.#headers.set(partition, (await events.lastCommit(partition)).header);
    }
    const [topologyRepair, copyDiffersAfter] = await repairTopology(this.#deps);
    const [views, isTopologyLost] = viewsOf(topology, this.#headers, partitions);
    const commits = await this.#lostCommits(blocks);
    await this.#readSuspects();
    // A repair that was killed may have stored rows according to a topology that has since been lost, for readings
    // that nothing else refers to.
    const isUnfinished = [...blocks.values()].some((block) => block.epoch > done);
    if (isTopologyLost || isUnfinished || [...this.#headers.values()].includes(undefined))
      await this.#reconcileAll(views);
    await this.#reconcileSuspects(views);
    const { lost: readings, firstSeq } = await this.#beginEpoch(views);
    await this.#appendEpoch(topologyRepair);
    if (copyDiffersAfter !== undefined) await this.#copyTopology(copyDiffersAfter);
    // Also what interrupted repairs before this one found: they may have stored blocks that were cut beyond the
    // messages, so that nobody can find them again.
    const unreadable = mergedReports((await records.begunReports()).flatMap((begun) => unreadableIn(begun) ?? []));
    const report = {
      epoch: this.#epoch,
      readings,
      commits,
      topology: topologyRepair,
      ...(unreadable && { unreadable }),
      readingsLookedAt: this.#lookedAt,
      rowsStored: this.#rowsStored,
    };
    await records.finishEpoch(this.#epoch, JSON.stringify(report));
    epoch.current = this.#epoch;
    // Commits made in the old epoch after this sequence must remain, because the log must not have holes.
    await events.removeOlderEpochs(firstSeq);
    return report;
  }

  /** Readings in the log or in a checkpoint: their rows may be incomplete. */
  async #readSuspects(): Promise<void> {
    await this.#readLog();
    for (const partition of allPartitions(this.#deps.partitions)) await this.#readCheckpoint(partition);
  }

  #suspect(reading: Reading): void {
    this.#suspects.set(identityOf(reading), reading);
  }

  /**
   * Reconciles readings whose rows may be incomplete: those in the log, in a checkpoint, or in a block whose commit was
   * lost.
   */
  async #reconcileSuspects(views: ViewOfReading): Promise<void> {
    const { partitions, records } = this.#deps;
    const suspects = [...this.#suspects.values()];
    for (let at = 0; at < suspects.length; at += READINGS_PER_PAGE)
      await this.#reconcile(suspects.slice(at, at + READINGS_PER_PAGE), views);
    for (const partition of allPartitions(partitions)) {
      const block = await this.#firstUnknownBlock(partition);
      if (block === undefined) continue;
      await this.#reconcilePages(views, (after) =>
        records.readingsFromBlock(partition, block, after, READINGS_PER_PAGE),
      );
    }
  }

  async #reconcileAll(views: ViewOfReading): Promise<void> {
    await this.#reconcilePages(views, (after) => this.#deps.records.allReadings(after, READINGS_PER_PAGE));
  }

  async #reconcilePages(
    views: ViewOfReading,
    page: (
      after: EventPlace | null,
    ) => Promise<{ readonly readings: readonly Reading[]; readonly end: EventPlace | null }>,
  ): Promise<void> {
    for (let after: EventPlace | null = null; ;) {
      const { readings, end } = await page(after);
      await this.#reconcile(readings, views);
      if (!end) return;
      after = end;
    }
  }

  async #reconcile(page: readonly Reading[], views: ViewOfReading): Promise<void> {
    if (page.length === 0) return;
    const { partitions, records, history } = this.#deps;
    const series = await this.#series.around(page, this.#suspects);
    const readings = withDependents(page, series, views);
    this.#lookedAt += readings.length;
    const passedBy = (reading: Reading): Passed => passedUnder(views(reading), reading, series);
    const missing = eventsToReconcile(readings, await records.claimsOf(readings), views, passedBy);
    for (const [partition, rows] of rowsByPartition(missing, partitions)) {
      const number = (this.#blockNumbers.get(partition) ?? 0) + 1;
      this.#blockNumbers.set(partition, number);
      await history.storeBlock(blockOf(this.#epoch, partition, number, rows));
      this.#rowsStored += rows.length;
    }
  }

  async #readLog(): Promise<void> {
    const { events, epoch, partitions } = this.#deps;
    const last = await Promise.all(allPartitions(partitions).map((router) => events.lastCommit(router)));
    const end = Math.max(...last.map(({ seq }) => seq));
    const cursor = end === 0 ? undefined : await events.open(0 as Partition, 0);
    try {
      for (let seq = 0; cursor && seq < end;) {
        for (const entry of await cursor.next(ENTRIES_PER_READ)) {
          seq = entry.seq;
          const commit = commitOf(entry);
          if (commit.header.epoch !== epoch.current) continue;
          for (const partition of commit.partitions)
            commit.section(partition)?.events.forEach((event) => this.#suspect(readingOf(event)));
        }
      }
    } finally {
      await cursor?.close();
    }
  }

  /**
   * Skips an unreadable checkpoint: its contents are in the log and in ClickHouse, except for what the log has lost.
   */
  async #readCheckpoint(partition: Partition): Promise<void> {
    const { checkpoints, partitions } = this.#deps;
    try {
      const checkpoint = await checkpoints.load(partition);
      if (!checkpoint) return;
      const reading = decodeSnapshot(partition, partitions, checkpoint.snapshot);
      let step = reading.next();
      while (!step.done) step = reading.next();
      for (const event of step.value.allUnstoredEvents()) this.#suspect(readingOf(event));
    } catch (error) {
      if (!(error instanceof CheckpointRefused)) throw error;
    }
  }

  /** The first block that may contain rows of lost commits; undefined if none. */
  async #firstUnknownBlock(partition: Partition): Promise<number | undefined> {
    const { events, records, epoch } = this.#deps;
    const bounds = await events.bounds();
    for (const { number, mark } of await records.blocksFrom(
      partition,
      epoch.current,
      Math.max(1, Math.min(bounds.firstSeq, bounds.lastSeq + 1)),
    )) {
      if (!(await isThere(events, mark, bounds))) return number;
    }
    return undefined;
  }

  async #lostCommits(blocks: ReadonlyMap<Partition, StoredBlockMark>): Promise<RepairReport['commits']> {
    const { events, checkpoints, partitions, epoch } = this.#deps;
    const { lastSeq } = await events.bounds();
    const seen = [...blocks.values()].filter((block) => block.epoch === epoch.current).map(({ mark }) => mark.seq);
    for (const partition of allPartitions(partitions)) {
      const checkpoint = await checkpoints.last(partition);
      if (checkpoint.epoch === epoch.current) seen.push(checkpoint.mark.seq);
    }
    const highest = Math.max(0, ...seen);
    return highest > lastSeq ? { messages: highest - lastSeq, fromSeq: lastSeq + 1, toSeq: highest } : null;
  }

  /** Stores the first commit of each router, with its committed offset, and then a checkpoint of each partition. */
  async #beginEpoch(views: ViewOfReading): Promise<{ lost: LostReadings | null; firstSeq: number }> {
    const { partitions, events, records } = this.#deps;
    const counts = await records.readingCounts();
    const tails = allPartitions(partitions).map((partition) => new LogTail(partition, partitions, 0));
    let [lost, firstSeq]: [LostReadings | null, number] = [null, Infinity];
    for (const router of allPartitions(partitions)) {
      const begun = await firstHeader(this.#deps, this.#epoch, router, views, this.#headers.get(router));
      const { header } = begun;
      lost = unionOf(lost, begun.lost);
      let [fresh, held, excluded, deleted] = [0, 0, 0, 0];
      for (const [dpuId, count] of counts) {
        if (partitionOfDpu(dpuId, partitions) !== router) continue;
        fresh += count.readings;
        held += count.held;
        excluded += count.excluded;
        deleted += count.deleted;
      }
      const { duplicate, dead } = header.counters;
      const received = fresh + duplicate + dead;
      const first = { ...header, counters: { received, fresh, held, excluded, deleted, duplicate, dead } };
      const seq = await events.begin(first);
      firstSeq = Math.min(firstSeq, seq);
      for (const tail of tails) tail.addCommit({ seq, timeMs: BEGINNING_MS }, first, undefined);
    }
    for (const [k, tail] of tails.entries()) await this.#saveCheckpoint(k as Partition, tail);
    return { lost, firstSeq };
  }

  async #saveCheckpoint(partition: Partition, tail: LogTail): Promise<void> {
    const deps = { ...this.#deps, partition, epoch: this.#epoch, records: this.#deps.partitionRecords };
    const { checkpoints } = deps;
    for (let attempt = 1; ; attempt++) {
      const { revision, epoch } = await checkpoints.last(partition);
      if (epoch > this.#epoch) throw new EpochChanged(`another process has begun epoch ${epoch} of the logs`);
      try {
        return void (await saveRebuilt(deps, revision, tail, []));
      } catch (error) {
        // A process in the old epoch saved at the same moment, which it cannot do again.
        if (!(error instanceof Superseded) || attempt >= ATTEMPTS_MAX) throw error;
      }
    }
  }

  /**
   * Replaces entries of the copy that the log lacks; otherwise every later inspection would find the same loss again.
   */
  async #copyTopology(afterSeq: number): Promise<void> {
    const { topology, records } = this.#deps;
    const entries = topology.entries(afterSeq, topology.seq);
    await records.copyTopology(
      entries.map((entry) => ({ ...entry, digest: topology.digestAt(entry.seq) ?? 0 })),
      this.#epoch,
    );
  }

  /** Records in NATS that the epoch has begun. */
  async #appendEpoch({ lost }: TopologyRepair): Promise<void> {
    const { topology, topologyLog, topologyReached, nowMs } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      const view = topology.latest();
      const before = view.epoch();
      if (before && before.epoch >= this.#epoch)
        throw new EpochChanged(`another process has begun epoch ${before.epoch} of the logs`);
      const highest = (docs: readonly { readonly id: number }[]): number =>
        docs.reduce((most, { id }) => Math.max(most, id), 0);
      const atMs = nowMs();
      const seq = await topologyLog.append(
        {
          kind: 'epoch',
          by: 'service',
          atMs,
          doc: {
            epoch: this.#epoch,
            begunMs: atMs,
            // Every lost fact may have assigned an id.
            spaceIdsAbove: Math.max(highest(view.spaces()), before?.spaceIdsAbove ?? 0) + lost,
            doorwayIdsAbove: Math.max(highest(view.doorways()), before?.doorwayIdsAbove ?? 0) + lost,
          },
        },
        view.seq,
      );
      await topologyReached(seq ?? view.seq + 1);
      if (seq !== undefined) return;
      if (attempt >= ATTEMPTS_MAX) throw new Error('the topology is changing too fast to begin an epoch');
    }
  }
}
