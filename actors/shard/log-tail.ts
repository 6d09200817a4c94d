// What SPACE_EVENTS still holds for one partition, gathered to compute its state again: everything that
// ClickHouse may not hold is in there (checkpoints let go of the log only before it), and more. `missing`
// tells the two apart.
import { invariant } from '../../src/domain/failure.ts';
import type { Partition } from '../../src/domain/ids.ts';
import { BEGINNING_MS } from '../../src/domain/instant.ts';
import { addTo } from '../../src/domain/lists.ts';
import { decodeEntry, type Heartbeat, type LoggedEvent, type StoredEntry } from '../../src/domain/log-entry.ts';
import { LogGap } from './partition-fold.ts';

/** Rows of one reading in one space that history holds and that are alike, taken together. */
export interface StoredClaim extends Pick<LoggedEvent, 'spaceId' | 'timestampMs' | 'readingId' | 'doorwayId' | 'direction' | 'delta' | 'primary'> {
  /** Sum of their signs: 1 where it stands, 0 where it was taken back. */
  readonly signs: number;
}

type Claim = Pick<LoggedEvent, 'doorwayId' | 'direction' | 'delta' | 'primary'>;
type Place = Pick<LoggedEvent, 'spaceId' | 'timestampMs' | 'readingId'>;

export class LogTail {
  readonly heartbeats: Heartbeat[] = [];
  readonly clocks: number[];
  readonly positionSeqs: number[];
  /** Sequence of the last position. */
  seq = 0;
  logMs = BEGINNING_MS;
  readonly #partition: Partition;
  /** By space and reading, in the order of the log. */
  readonly #events = new Map<string, LoggedEvent[]>();
  /** Messages since the last position. */
  #pending = 0;
  readonly #storedBeforeSeq: number;
  /** True behind the first commit that may have been let go of in part. */
  #mustBeWhole = false;

  /** @param storedBeforeSeq everything before it is stored, and may be gone: messages and positions each for themselves */
  constructor(partition: Partition, partitions: number, storedBeforeSeq: number) {
    this.#partition = partition;
    this.#storedBeforeSeq = storedBeforeSeq;
    this.clocks = new Array<number>(partitions).fill(BEGINNING_MS);
    this.positionSeqs = new Array<number>(partitions).fill(0);
  }

  /** @throws LogGap when something is missing behind the beginning of what is left */
  add(stored: StoredEntry): void {
    const entry = decodeEntry(stored);
    this.logMs = Math.max(this.logMs, stored.timeMs);
    if (entry.kind === 'space') {
      for (const event of entry.events) addTo(this.#events, keyOf(event), event);
      this.heartbeats.push(...entry.heartbeats);
      this.#pending += 1;
      return;
    }
    const { router } = entry;
    const isWhole = this.#pending === (entry.payloads[this.#partition] ?? 0);
    if (!isWhole && this.#mustBeWhole) throw new LogGap(`partition ${this.#partition}: the log has a hole before ${stored.seq}`);
    this.#mustBeWhole ||= stored.seq >= this.#storedBeforeSeq;
    this.#pending = 0;
    this.seq = stored.seq;
    this.positionSeqs[router] = stored.seq;
    this.clocks[router] = Math.max(this.clocks[router] ?? BEGINNING_MS, entry.clockMs);
  }

  /** One event of each reading in each space. */
  places(): Place[] {
    return [...this.#events.values()].flatMap(([first]) => first ?? []);
  }

  /**
   * The events that history does not hold, in the order of the log.
   *
   * Of one reading in one space the log says: it is so, it is not, it is so, … each from where the one before
   * left it. Rows that are stored are a beginning of that, of unknown length, since the beginning of the log
   * may be gone; but where they leave it is known. So whatever follows a place where the log left it just so
   * leads to the same end, and the last such place has the least after it.
   */
  missing(claims: readonly StoredClaim[]): LoggedEvent[] {
    const stored = new Map<string, StoredClaim[]>();
    for (const claim of claims) addTo(stored, keyOf(claim), claim);
    const missing: LoggedEvent[] = [];
    for (const [key, events] of this.#events) missing.push(...after(events, stored.get(key)));
    return missing.sort((a, b) => a.seq - b.seq);
  }
}

function after(events: readonly LoggedEvent[], claims: readonly StoredClaim[] | undefined): readonly LoggedEvent[] {
  const [first] = events;
  if (!first) return [];
  if (!claims) {
    // All of it, also what was taken back: that there are rows of it is how a copy of the reading is known.
    invariant(first.sign > 0, () => `space ${first.spaceId}: the log takes back ${first.readingId}, which is not stored`);
    return events;
  }
  const standing = claims.filter(({ signs }) => signs !== 0);
  invariant(standing.length <= 1 && (standing[0]?.signs ?? 1) === 1, () => `space ${first.spaceId}: history says ${first.readingId} more than once`);
  for (let at = events.length; at >= 0; at--) if (isSame(leftBefore(events, at), standing[0])) return events.slice(at);
  throw new Error(`space ${first.spaceId}: history and the log do not agree on ${first.readingId}`);
}

/** What stands before event `at`. */
function leftBefore(events: readonly LoggedEvent[], at: number): Claim | undefined {
  const [before, next] = [events[at - 1], events[at]];
  if (before) return before.sign > 0 ? before : undefined;
  return next && next.sign < 0 ? next : undefined;
}

function isSame(a: Claim | undefined, b: Claim | undefined): boolean {
  return a?.doorwayId === b?.doorwayId && a?.direction === b?.direction && a?.delta === b?.delta && a?.primary === b?.primary;
}

const keyOf = ({ spaceId, timestampMs, readingId }: Place): string => `${spaceId} ${timestampMs} ${readingId}`;
