// Compares the logs with ClickHouse, readings by readings: does history still hold what it was given, and no more?
//
//  - Of each shard, at a cut that both know: the fold has counted the readings of its blocks up to the last one that is stored, and
//    ClickHouse's rows are those of these blocks. Where ClickHouse has a later block, it was stored between the two
//    questions, and both are asked again; where that goes on, ClickHouse is asked for the rows up to that block, which takes longer.
//  - Of all shards together, at one place of the log: what they have folded is what the routers have accepted. A shard whose state
//    was computed again from a ClickHouse that had lost rows agrees with it, and shows here.
import { readingsIn } from '../../actors/partition/block.ts';
import type { PartitionTotals } from '../../actors/partition/space-report.ts';
import type { CommitHeader, LoggedCommit } from '../domain/commit.ts';
import { commitOf } from '../domain/commit-codec.ts';
import { Failure } from '../domain/failure.ts';
import type { Partition, SpaceId } from '../domain/ids.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import { allPartitions, partitionOfSpace } from '../domain/partition.ts';
import type { History } from '../ports/history.ts';
import type { SpaceReports } from '../ports/reports.ts';
import type { SpaceEventsLog } from '../ports/space-events-log.ts';
import { NEVER, type Timing } from '../runtime/timing.ts';

/** A shard stores a block every few seconds, and both questions take some milliseconds. */
const ATTEMPTS = 3;
/** For a moment after the log was truncated, or from a replica that is behind, a router's last commit is an older one, or none. */
const ASK_AGAIN_MS = 300;
const ENTRIES_PER_READ = 500;
/** A shard that is further behind is not waited for. */
const COMMITS_MAX = 10_000;

export interface StoredDifference {
  readonly shard: Partition;
  /** The blocks that were compared: up to this one. */
  readonly block: number;
  /** Readings that these blocks had when they were stored, by the log. */
  readonly expected: number;
  readonly stored: number;
  /** The last block in ClickHouse, where the shard has not cut so many. */
  readonly strangeBlock: number | undefined;
}

export interface Comparison {
  /** Readings that ClickHouse holds of the shards that could be compared, up to the blocks compared. */
  readonly stored: number;
  /** Of those that differ alone. */
  readonly differences: readonly StoredDifference[];
  /** Shards of which nobody could say what they have stored. */
  readonly unknown: readonly Partition[];
  /** Readings that routers accepted as new and no shard has; undefined where that is not known of all shards. */
  readonly missing: number | undefined;
}

export interface ComparisonsDeps {
  readonly partitions: number;
  readonly reports: Pick<SpaceReports, 'report'>;
  readonly events: Pick<SpaceEventsLog, 'open' | 'lastCommit'>;
  readonly history: Pick<History, 'storedTotals' | 'readingsUpTo'>;
  readonly timing: Pick<Timing, 'pause'>;
}

/** What a shard says of itself, at one moment. */
interface Said extends PartitionTotals {
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

  /** @throws Failure unavailable when ClickHouse, or the log, cannot be asked */
  async read(): Promise<Comparison> {
    const { partitions } = this.#deps;
    const said = (await Promise.all(allPartitions(partitions).map(async (shard) => this.#ask(shard)))).filter(
      (one) => one !== undefined,
    );
    let missing = said.length === partitions ? await this.#missing(said) : undefined;
    for (let attempt = 1; attempt < ATTEMPTS && missing !== 0 && missing !== undefined; attempt++) {
      await this.#deps.timing.pause(ASK_AGAIN_MS, NEVER);
      missing = await this.#missing(said);
    }
    const compared = await this.#compare(said);
    return {
      stored: compared.reduce((sum, { stored }) => sum + stored, 0),
      differences: compared.flatMap(({ difference }) => difference ?? []),
      unknown: allPartitions(partitions).filter((shard) => !said.some((one) => one.shard === shard)),
      missing,
    };
  }

  /** A report of any space tells of its whole shard. Of the past, so that no time has to be marked for it. */
  async #ask(shard: Partition): Promise<Said | undefined> {
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

  async #compare(said: readonly Said[]): Promise<Compared[]> {
    const done: Compared[] = [];
    let left = said;
    for (let attempt = 1; left.length > 0; attempt++) {
      const totals = await this.#deps.history.storedTotals();
      const ahead: Said[] = [];
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

  /** ClickHouse has later blocks again and again: the shard stores one after the other, or somebody else has written there. */
  async #compareUpTo(said: Said, lastBlock: number): Promise<Compared> {
    const { cutBlock } = (await this.#ask(said.shard)) ?? said;
    return comparedWith(
      said,
      await this.#deps.history.readingsUpTo(said.shard, said.storedBlock),
      lastBlock > cutBlock ? lastBlock : undefined,
    );
  }

  /** At the last place of the log that any shard, or any router, is at. @returns undefined where the log does not tell any more */
  async #missing(said: readonly Said[]): Promise<number | undefined> {
    const { events, partitions } = this.#deps;
    const last = await Promise.all(allPartitions(partitions).map(async (router) => events.lastCommit(router)));
    const headers = new Map(
      last.flatMap(({ header }): [Partition, CommitHeader][] => (header ? [[header.router, header]] : [])),
    );
    const [fromSeq, toSeq] = [
      Math.min(...said.map(({ seq }) => seq)),
      Math.max(...[...said, ...last].map(({ seq }) => seq)),
    ];
    let folded = said.reduce((sum, one) => sum + one.folded, 0);
    const commits = await this.#read(fromSeq, toSeq);
    if (!commits) return undefined;
    for (const { seq, commit } of commits) {
      headers.set(commit.header.router, commit.header);
      for (const one of said) if (seq > one.seq) folded += readingsIn(commit.section(one.shard)?.events ?? []);
    }
    return [...headers.values()].reduce((sum, { counters }) => sum + counters.fresh, 0) - folded;
  }

  /** The commits after one place up to another; undefined where they are not all there any more. */
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

/** What is wrong, and the way out, a sentence or more for each; none where everything is there, and nothing else. */
export function findingsOf({ differences, unknown, missing }: Comparison): string[] {
  const findings = differences.flatMap(findingsOfShard);
  if (missing !== undefined && missing !== 0) {
    findings.push(
      `all shards together: they have ${readings(missing)} than the routers accepted. A shard was computed again (density rebuild) from a ClickHouse that was not what the log had stored. ${missing > 0 ? RESTORE : SEE}`,
    );
  }
  if (unknown.length > 0)
    findings.push(
      `not compared: ${unknown.length === 1 ? 'shard' : 'shards'} ${unknown.join(', ')}. Nobody answers for them now, or their checkpoints are of before readings were totalled, and density rebuild makes new ones`,
    );
  else if (missing === undefined)
    findings.push('not compared with what the routers accepted: a shard is too far behind in the log; ask again later');
  return findings;
}

const SEE = 'See docs/operations.md, "When the account does not hold".';
const RESTORE = `Restore ClickHouse, SPACE_EVENTS and CHECKPOINTS of one backup: what READINGS still holds is routed again from there on. ${SEE}`;

function findingsOfShard({ shard, block, expected, stored, strangeBlock }: StoredDifference): string[] {
  const findings: string[] = [];
  const is = `shard ${shard}: ClickHouse holds ${readings(expected - stored)} than its blocks up to ${block} had when they were stored (${stored}, and ${expected})`;
  if (stored < expected)
    findings.push(
      `${is}. Live counts are right until a late reading or density rebuild has them computed from what is left; history is not. ${RESTORE}`,
    );
  if (stored > expected)
    findings.push(
      `${is}. Somebody else has written to space_events: insert the same rows with the opposite sign, which takes them back in every table. ${SEE}`,
    );
  if (strangeBlock !== undefined)
    findings.push(
      `shard ${shard}: ClickHouse has rows of block ${strangeBlock}, which the shard has not cut. Delete them before another process takes the shard: it would take its own blocks for stored. ${SEE}`,
    );
  return findings;
}

const readings = (fewer: number): string =>
  `${Math.abs(fewer)} ${Math.abs(fewer) === 1 ? 'reading' : 'readings'} ${fewer > 0 ? 'fewer' : 'more'}`;

function comparedWith(
  { shard, storedBlock: block, stored: expected }: Said,
  stored: number,
  strangeBlock: number | undefined,
): Compared {
  const isSame = stored === expected && strangeBlock === undefined;
  return { stored, difference: isSame ? undefined : { shard, block, expected, stored, strangeBlock } };
}

function anySpaceOf(shard: Partition, partitions: number): SpaceId {
  let id = 1;
  while (partitionOfSpace(id as SpaceId, partitions) !== shard) id += 1;
  return id as SpaceId;
}
