// Compares the logs with ClickHouse by the number of readings: does history still have exactly what was stored?
//
// - For each shard: the fold has counted the readings of its blocks up to the last stored one, and ClickHouse should
//   hold exactly those. If ClickHouse has a later block, it was stored between the two queries, and both are
//   repeated. If that keeps happening, ClickHouse is asked for the rows up to the fold's block, which takes longer.
// - For all shards together, at one sequence of the log: they should have folded what the routers have accepted. A
//   shard that was rebuilt from a ClickHouse that had lost rows agrees with ClickHouse, so only this comparison
//   reveals the loss.
import { readingsIn } from '../../actors/partition/block.ts';
import type { PartitionTotals } from '../../actors/partition/space-report.ts';
import type { CommitHeader, LoggedCommit } from '../domain/commit.ts';
import { commitOf } from '../domain/commit-codec.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions, anySpaceOf } from '../domain/partition.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';

/** A shard stores a block every few seconds, and both queries take milliseconds. */
const ATTEMPTS = 3;
/**
 * Just after the log was truncated, or from a replica that lags, the last commit of a router may be an older one or
 * missing.
 */
const RETRY_MS = 300;
const ENTRIES_PER_READ = 500;
/** A shard that is further behind is not compared. */
const COMMITS_MAX = 10_000;

export interface StoredDifference {
  readonly shard: Partition;
  /** Blocks up to this one were compared. */
  readonly block: number;
  /** The number of readings in these blocks according to the log. */
  readonly expected: number;
  readonly stored: number;
  /** The last block in ClickHouse, if the shard has not cut it. */
  readonly unknownBlock: number | undefined;
}

export interface Comparison {
  /** Readings that ClickHouse holds in the blocks that were compared. */
  readonly stored: number;
  /** Only the shards that differ. */
  readonly differences: readonly StoredDifference[];
  /** Shards that could not be compared. */
  readonly unknown: readonly Partition[];
  /** Readings that routers accepted as new and no shard has; undefined unless known for all shards. */
  readonly missing: number | undefined;
}

export interface ComparisonsDeps {
  readonly partitions: number;
  readonly reports: Pick<SpaceReports, 'report'>;
  readonly events: Pick<SpaceEventsLog, 'open' | 'lastCommit'>;
  readonly history: Pick<History, 'storedTotals' | 'readingsUpTo'>;
  readonly timing: Pick<Timing, 'pause'>;
}

/** The totals of a shard at one moment. */
interface ShardTotals extends PartitionTotals {
  readonly shard: Partition;
  readonly seq: number;
  readonly storedBlock: number;
}

interface Compared {
  readonly stored: number;
  readonly difference: StoredDifference | undefined;
}

export class Comparisons {
  readonly #deps: ComparisonsDeps;
  readonly #anySpaces: readonly SpaceId[];

  constructor(deps: ComparisonsDeps) {
    this.#deps = deps;
    this.#anySpaces = allPartitions(deps.partitions).map((shard) => anySpaceOf(shard, deps.partitions));
  }

  /**
   * @throws Failure unavailable if ClickHouse or the log cannot be reached
   */
  async read(): Promise<Comparison> {
    const { partitions } = this.#deps;
    const shards = (await Promise.all(allPartitions(partitions).map(async (shard) => this.#ask(shard)))).filter(
      (one) => one !== undefined,
    );
    let missing = shards.length === partitions ? await this.#missing(shards) : undefined;
    for (let attempt = 1; attempt < ATTEMPTS && missing !== 0 && missing !== undefined; attempt++) {
      await this.#deps.timing.pause(RETRY_MS, NEVER);
      missing = await this.#missing(shards);
    }
    const compared = await this.#compare(shards);
    return {
      stored: compared.reduce((sum, { stored }) => sum + stored, 0),
      differences: compared.flatMap(({ difference }) => difference ?? []),
      unknown: allPartitions(partitions).filter((shard) => !shards.some((one) => one.shard === shard)),
      missing,
    };
  }

  /**
   * The report of any space has the totals of its shard. It is requested for a past instant, so that no tick is
   * needed.
   */
  async #ask(shard: Partition): Promise<ShardTotals | undefined> {
    try {
      const { totals, seq, storedBlock } = await this.#deps.reports.report(
        this.#anySpaces[shard] ?? (0 as SpaceId),
        BEGINNING_MS,
      );
      return totals && { ...totals, shard, seq, storedBlock };
    } catch (error) {
      if (error instanceof Failure && error.kind === 'unavailable') return undefined;
      throw error;
    }
  }

  async #compare(shards: readonly ShardTotals[]): Promise<Compared[]> {
    const done: Compared[] = [];
    let left = shards;
    for (let attempt = 1; left.length > 0; attempt++) {
      const totals = await this.#deps.history.storedTotals();
      const ahead: ShardTotals[] = [];
      for (const one of left) {
        const { readings, lastBlock } = totals.get(one.shard) ?? { readings: 0, lastBlock: 0 };
        if (lastBlock > one.storedBlock) ahead.push(one);
        else done.push(comparedWith(one, readings, undefined));
      }
      if (attempt === ATTEMPTS)
        return [
          ...done,
          ...(await Promise.all(
            ahead.map(async (one) => this.#compareUpTo(one, totals.get(one.shard)?.lastBlock ?? 0)),
          )),
        ];
      left = await Promise.all(ahead.map(async (one) => (await this.#ask(one.shard)) ?? one));
    }
    return done;
  }

  /**
   * Used when ClickHouse keeps having later blocks: either the shard stores blocks quickly, or something else has
   * written to the table.
   */
  async #compareUpTo(one: ShardTotals, lastBlock: number): Promise<Compared> {
    const { cutBlock } = (await this.#ask(one.shard)) ?? one;
    return comparedWith(
      one,
      await this.#deps.history.readingsUpTo(one.shard, one.storedBlock),
      lastBlock > cutBlock ? lastBlock : undefined,
    );
  }

  /**
   * Compares at the highest sequence of all shards and routers. @returns undefined if the log was truncated before it
   */
  async #missing(shards: readonly ShardTotals[]): Promise<number | undefined> {
    const { events, partitions } = this.#deps;
    const last = await Promise.all(allPartitions(partitions).map(async (router) => events.lastCommit(router)));
    const headers = new Map(
      last.flatMap(({ header }): [Partition, CommitHeader][] => (header ? [[header.router, header]] : [])),
    );
    const [fromSeq, toSeq] = [
      Math.min(...shards.map(({ seq }) => seq)),
      Math.max(...[...shards, ...last].map(({ seq }) => seq)),
    ];
    let folded = shards.reduce((sum, one) => sum + one.folded, 0);
    const commits = await this.#read(fromSeq, toSeq);
    if (!commits) return undefined;
    for (const { seq, commit } of commits) {
      headers.set(commit.header.router, commit.header);
      for (const one of shards) if (seq > one.seq) folded += readingsIn(commit.section(one.shard)?.events ?? []);
    }
    return [...headers.values()].reduce((sum, { counters }) => sum + counters.fresh, 0) - folded;
  }

  /** The commits after one sequence up to another; undefined if some are truncated. */
  async #read(fromSeq: number, toSeq: number): Promise<{ seq: number; commit: LoggedCommit }[] | undefined> {
    const commits: { seq: number; commit: LoggedCommit }[] = [];
    if (fromSeq === toSeq) return commits;
    if (toSeq - fromSeq > COMMITS_MAX) return undefined;
    const cursor = await this.#deps.events.open(0 as Partition, fromSeq);
    try {
      for (let seq = fromSeq; seq < toSeq;) {
        for (const entry of await cursor.next(ENTRIES_PER_READ)) {
          if (entry.seq !== seq + 1) return undefined;
          seq = entry.seq;
          if (seq <= toSeq) commits.push({ seq, commit: commitOf(entry) });
        }
      }
      return commits;
    } catch (error) {
      throw new Failure('unavailable', 'the log cannot be read now', { cause: error, retryAfterSeconds: 5 });
    } finally {
      await cursor.close();
    }
  }
}

/** What is wrong, and what to do about it. Empty if ClickHouse holds exactly what it should. */
export function findingsOf({ differences, unknown, missing }: Comparison): string[] {
  const findings = differences.flatMap(findingsOfShard);
  if (missing !== undefined && missing !== 0) {
    findings.push(
      `all shards together: they have ${readings(missing)} than the routers accepted. A shard was rebuilt (density rebuild) from a ClickHouse that did not have exactly what had been stored. ${missing > 0 ? RESTORE : SEE}`,
    );
  }
  if (unknown.length > 0)
    findings.push(
      `not compared: ${unknown.length === 1 ? 'shard' : 'shards'} ${unknown.join(', ')}. No process answers for them now, or their checkpoints are from a version that did not total readings; density rebuild makes new ones`,
    );
  else if (missing === undefined)
    findings.push('not compared with what the routers accepted: a shard is too far behind in the log; ask again later');
  return findings;
}

const SEE = 'See docs/operations.md, "When the account does not hold".';
const RESTORE = `Restore ClickHouse, SPACE_EVENTS and CHECKPOINTS of one backup: the entries that READINGS still holds are routed again from there. ${SEE}`;

function findingsOfShard({ shard, block, expected, stored, unknownBlock }: StoredDifference): string[] {
  const findings: string[] = [];
  const is = `shard ${shard}: ClickHouse holds ${readings(expected - stored)} than its blocks up to ${block} had when they were stored (${stored}, and ${expected})`;
  if (stored < expected)
    findings.push(
      `${is}. Live counts are correct until a late reading or density rebuild recomputes them from the remaining rows; history is already wrong. ${RESTORE}`,
    );
  if (stored > expected)
    findings.push(
      `${is}. Something other than the service has written to space_events: insert the same rows with the opposite sign, which retracts them in every table. ${SEE}`,
    );
  if (unknownBlock !== undefined)
    findings.push(
      `shard ${shard}: ClickHouse has rows of block ${unknownBlock}, which the shard has not cut. Delete them before another process takes over the shard, because it would treat its own blocks as stored. ${SEE}`,
    );
  return findings;
}

const readings = (fewer: number): string =>
  `${Math.abs(fewer)} ${Math.abs(fewer) === 1 ? 'reading' : 'readings'} ${fewer > 0 ? 'fewer' : 'more'}`;

function comparedWith(
  { shard, storedBlock: block, stored: expected }: ShardTotals,
  stored: number,
  unknownBlock: number | undefined,
): Compared {
  const isSame = stored === expected && unknownBlock === undefined;
  return { stored, difference: isSame ? undefined : { shard, block, expected, stored, unknownBlock } };
}
