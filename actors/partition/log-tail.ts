// The entries that SPACE_EVENTS still holds for one partition, collected to rebuild its state. The log is truncated
// only where ClickHouse has everything, so these include all events that ClickHouse lacks, and more; `missing` tells
// them apart.
import { invariant } from '../../src/domain/failure.ts';
import { NO_CHANGES, withChange, type CommitCauses } from '../../src/domain/commit-causes.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { addTo } from '../../src/domain/lists.ts';
import type { CommitHeader, Heartbeat, LoggedSection } from '../../src/domain/commit.ts';
import { commitOf } from '../../src/domain/commit-codec.ts';
import { followedIn } from '../../src/domain/correction-cause.ts';
import type { LoggedEvent, StoredEntry } from '../../src/domain/log-entry.ts';
import type { LogPlace } from '../../src/domain/log-place.ts';
import type { CommitMark } from '../../src/domain/log-mark.ts';
import { NO_MARK } from './block.ts';
import { assertChained, assertNoHole } from './commit-chain.ts';

/** The sum of all identical rows in history of one reading in one space. */
export interface StoredClaim extends Pick<
  LoggedEvent,
  'spaceId' | 'timestampMs' | 'readingId' | 'doorwayId' | 'entrances' | 'exits' | 'isEgress' | 'primary'
> {
  /** Sum of the signs: 1 if the reading is asserted, 0 if it was retracted. */
  readonly signs: number;
  /** The last commit that one of these rows came with; sequence 0 if none of them records its commit. */
  readonly last: LogPlace;
}

type Claim = Pick<LoggedEvent, 'doorwayId' | 'entrances' | 'exits' | 'isEgress' | 'primary'>;
type Place = Pick<LoggedEvent, 'spaceId' | 'timestampMs' | 'readingId'>;

export class LogTail {
  readonly heartbeats: Heartbeat[] = [];
  readonly clocks: number[];
  readonly commitSeqs: number[];
  /** Null for a router of which no commit was read. */
  readonly topologySeqs: (number | null)[];
  causes: CommitCauses = NO_CHANGES;
  /** Sequence of the last commit. */
  seq = 0;
  mark: CommitMark = NO_MARK;
  logMs = BEGINNING_MS;
  /** How far the partition's own router has followed the topology. */
  topologySeq = 0;
  readonly #partition: Partition;
  /** By space and reading, in log order. */
  readonly #events = new Map<string, LoggedEvent[]>();
  readonly #storedBeforeSeq: number;

  /**
   * @param storedBeforeSeq everything before this sequence is stored, and may be truncated
   */
  constructor(partition: Partition, partitions: number, storedBeforeSeq: number) {
    this.#partition = partition;
    this.#storedBeforeSeq = storedBeforeSeq;
    this.clocks = new Array<number>(partitions).fill(BEGINNING_MS);
    this.commitSeqs = new Array<number>(partitions).fill(0);
    this.topologySeqs = new Array<number | null>(partitions).fill(null);
  }

  /**
   * @throws LogGap if the log lacks commits that are not stored
   */
  add(stored: StoredEntry): void {
    assertNoHole(this.#partition, this.seq, stored.seq, this.#storedBeforeSeq);
    const commit = commitOf(stored);
    this.addCommit(stored, commit.header, commit.section(this.#partition));
  }

  /**
   * Adds a commit and its section for the partition. @throws LogGap if the previous commit of its router is missing
   * and not stored
   */
  addCommit(
    { seq, timeMs }: Pick<StoredEntry, 'seq' | 'timeMs'>,
    header: CommitHeader,
    section: LoggedSection | undefined,
  ): void {
    const { router, commitId, clockMs, topologySeq } = header;
    assertChained(this.#partition, this.commitSeqs[router], header, this.#storedBeforeSeq);
    for (const event of section?.events ?? []) addTo(this.#events, keyOf(event), event);
    if (header.isMove && section && section.events.length > 0)
      this.causes = withChange(this.causes, seq, followedIn(header, this.topologySeqs[router] ?? undefined));
    for (const heartbeat of section?.heartbeats ?? []) this.heartbeats.push(heartbeat);
    this.logMs = Math.max(this.logMs, timeMs);
    this.seq = seq;
    this.mark = { seq, commitId };
    if (router === this.#partition) this.topologySeq = topologySeq;
    this.commitSeqs[router] = seq;
    this.topologySeqs[router] = topologySeq;
    this.clocks[router] = Math.max(this.clocks[router] ?? BEGINNING_MS, clockMs);
  }

  /** One event of each reading in each space. */
  places(): Place[] {
    return [...this.#events.values()].flatMap(([first]) => first ?? []);
  }

  /**
   * The events that history does not hold, in log order.
   *
   * The log alternates assertions and retractions of a reading in a space. ClickHouse holds a prefix of them, up to the
   * last commit that its rows came with. Rows of earlier versions do not record their commit: then the length of the prefix
   * is unknown, because the log may be truncated, but the state after it is known. The events after any point of the log
   * with that state lead to the same result; the last such point leaves the fewest.
   * @param epoch of the log
   */
  missing(claims: readonly StoredClaim[], epoch: number): LoggedEvent[] {
    const stored = new Map<string, StoredClaim[]>();
    for (const claim of claims) addTo(stored, keyOf(claim), claim);
    const missing: LoggedEvent[] = [];
    for (const [key, events] of this.#events) missing.push(...after(events, stored.get(key), epoch));
    return missing.sort((a, b) => a.seq - b.seq);
  }
}

function after(
  events: readonly LoggedEvent[],
  claims: readonly StoredClaim[] | undefined,
  epoch: number,
): readonly LoggedEvent[] {
  const [first] = events;
  if (!first) return [];
  if (!claims) {
    // Retracted readings are included, because a duplicate is recognised by the rows of its reading.
    invariant(first.sign > 0, () => `space ${first.spaceId}: the log retracts ${first.readingId}, which is not stored`);
    return events;
  }
  const standing = claims.filter(({ signs }) => signs !== 0);
  invariant(
    standing.length <= 1 && (standing[0]?.signs ?? 1) === 1,
    () => `space ${first.spaceId}: history asserts ${first.readingId} more than once`,
  );
  const lastSeq = claims.reduce((most, { last }) => Math.max(most, last.epoch === epoch ? last.seq : 0), 0);
  const start = lastSeq === 0 ? -1 : events.filter(({ seq }) => seq <= lastSeq).length;
  if (start >= 0 && isSame(leftBefore(events, start), standing[0])) return events.slice(start);
  for (let at = events.length; at >= 0; at--) if (isSame(leftBefore(events, at), standing[0])) return events.slice(at);
  throw new Error(`space ${first.spaceId}: history and the log disagree on ${first.readingId}`);
}

/** The readings asserted before event `at`. */
function leftBefore(events: readonly LoggedEvent[], at: number): Claim | undefined {
  const [before, next] = [events[at - 1], events[at]];
  if (before) return before.sign > 0 ? before : undefined;
  return next && next.sign < 0 ? next : undefined;
}

function isSame(a: Claim | undefined, b: Claim | undefined): boolean {
  return (
    a?.doorwayId === b?.doorwayId &&
    a?.entrances === b?.entrances &&
    a?.exits === b?.exits &&
    a?.isEgress === b?.isEgress &&
    a?.primary === b?.primary
  );
}

const keyOf = ({ spaceId, timestampMs, readingId }: Place): string => `${spaceId} ${timestampMs} ${readingId}`;
