// The entries of READINGS that a router has read but not yet consumed, and the choice of which ones the next commit
// consumes (docs/adr/0117), measured in items:
//
// - What has just happened goes first, in log order, so that people who watch a count see it at once.
// - Older messages are held: DPUs send them when they return after an outage. So are the items of one DPU beyond its
//   share of a commit. Held messages get a minimum share of each commit, so that all of them are consumed in the end,
//   and the whole commit when nothing else comes. DPUs share it round robin (Shreedhar and Varghese, 1995).
// - Messages of one DPU stay in order: while one is held, those that follow are held too.
// - A commit names what is held, so a router that restarts holds the same (Q1).
// - Memory and the size of a commit are bounded: the log is not read while more than a limited number of bytes wait, and
//   it is consumed in order while the held messages are in too many ranges.
import type { CommitHeader, WaitingRange } from '../domain/commit.ts';
import { entrySubjectOf } from '../domain/entry-subject.ts';
import type { DpuId } from '../domain/ids.ts';
import { markOf, type MessageMark } from '../domain/log-mark.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { Fifo } from '../runtime/fifo.ts';
import { HeldMessages } from './held-messages.ts';
import { Message, type Slice } from './message.ts';
import type { ReadPayload } from '../adapters/payload.ts';

const BYTES_MAX = 64 * 1024 * 1024;
/** Approximate size of a message apart from its data. */
const OVERHEAD_BYTES = 256;
const RANGES_MAX = 8_192;
/** A message is held if it is larger than this, or if it was sent this long after what it reports. */
const [LIVE_BYTES_MAX, LIVE_AGE_MAX_MS] = [64 * 1024, 60_000];
/**
 * Fractions of the items in a commit: how many one DPU may take ahead of the others, how many all held messages get at
 * least, and how many one DPU gets at least when its turn comes.
 */
const [SHARE_PART, HELD_PART, TURN_PART] = [0.25, 0.2, 0.1];
/** Held messages get the whole commit after this many commits without anything else. */
const QUIET_COMMITS = 8;

export class FairQueue {
  readonly #commitItems: number;
  readonly #readPayload: ReadPayload | undefined;
  /** Messages that were read, in log order. */
  #unread: Message[] = [];
  readonly #held: HeldMessages;
  /** The held messages by DPU. The first DPU has its turn. */
  readonly #byDpu = new Map<string, Fifo<Message>>();
  /** Items that the first DPU has had in its turn. */
  #usedInTurn = 0;
  /** Commits since the last one with a message that was not held. */
  #quietCommits = Infinity;
  #bytes = 0;
  #readingsSeq: number;
  /** What waited at the last commit before this process began. */
  readonly #restored: WaitingRange[];
  readonly #restoredSeq: number;
  #readMs = BEGINNING_MS;
  /** The entry at `readingsSeq`; undefined until the first entry was put. */
  #last: StoredEntry | undefined;

  /**
   * @param commitItems the maximum number of items that one commit consumes
   * @param committed where the last commit says that READINGS is consumed
   * @param readPayload reads messages in device-specific formats
   */
  constructor(
    commitItems: number,
    committed: Pick<CommitHeader, 'readingsSeq' | 'waiting'>,
    readPayload?: ReadPayload,
    rangesMax = RANGES_MAX,
  ) {
    this.#commitItems = commitItems;
    this.#readPayload = readPayload;
    this.#readingsSeq = this.#restoredSeq = committed.readingsSeq;
    this.#restored = committed.waiting.toSorted((a, b) => a.fromSeq - b.fromSeq);
    this.#held = new HeldMessages(rangesMax);
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  get isFull(): boolean {
    return this.room <= 0;
  }

  /** How many bytes more may be put; 0 or less if it is full. */
  get room(): number {
    return BYTES_MAX - this.#bytes;
  }

  /** Messages that are not consumed yet. */
  get length(): number {
    return this.#unread.length + this.#held.size;
  }

  /** READINGS is consumed up to here, except for what waits. */
  get readingsSeq(): number {
    return this.#readingsSeq;
  }

  /** The digest of the entry at `readingsSeq`; undefined until the first entry was put. */
  get readingsMark(): MessageMark | undefined {
    return this.#last && markOf(this.#last);
  }

  /** What waits although `readingsSeq` is beyond it. */
  get waiting(): WaitingRange[] {
    return this.#held.ranges;
  }

  /** Up to so many DPUs whose held messages come next. */
  nextDpus(dpusMax: number): DpuId[] {
    const dpus: DpuId[] = [];
    for (const { first } of this.#byDpu.values()) {
      if (dpus.length >= dpusMax) break;
      const dpuId = first && entrySubjectOf(first.entry.subject).dpuId;
      if (dpuId !== undefined) dpus.push(dpuId);
    }
    return dpus;
  }

  /** Everything that arrived up to this time is consumed; BEGINNING_MS if nothing was read yet. */
  get clockMs(): number {
    return Math.min(this.#readMs, this.#held.oldest?.entry.timeMs ?? Infinity);
  }

  /**
   * Appends the next entries of the log. The first ones follow the sequence through which everything is consumed, and
   * nothing may be taken before those that the last commit says are waiting have been put.
   */
  put(entries: readonly StoredEntry[]): void {
    for (const entry of entries) {
      if (entry.seq <= this.#restoredSeq) {
        this.#restore(entry);
        continue;
      }
      this.#unread.push(new Message(entry, 0, this.#readPayload));
      this.#bytes += bytesOf(entry);
    }
  }

  #restore(entry: StoredEntry): void {
    const { seq, subject, timeMs } = entry;
    // It was read before the restart. Otherwise the clock would stay behind after the last held message, until another comes.
    this.#readMs = Math.max(this.#readMs, timeMs);
    while ((this.#restored[0]?.toSeq ?? Infinity) < seq) this.#restored.shift();
    for (const range of this.#restored) {
      if (range.fromSeq > seq) break;
      if (seq > range.toSeq || (range.subject !== null && range.subject !== subject)) continue;
      this.#bytes += bytesOf(entry);
      return this.#hold(new Message(entry, seq === range.fromSeq ? range.index : 0, this.#readPayload));
    }
    this.#held.pass();
  }

  /**
   * Removes and returns the items for the next commit. @param isBehind more of the log is ready to be read, and may
   * contain readings of other DPUs
   */
  take(isBehind: boolean): Slice[] {
    const hadHeld = this.#held.size > 0;
    const live = this.#takeLive(this.#commitItems * (hadHeld ? 1 - HELD_PART : 1));
    this.#quietCommits = live.every(isTick) ? this.#quietCommits + 1 : 0;
    const used = live.reduce((sum, { from, to }) => sum + to - from, 0);
    // A commit that takes long delays what arrives meanwhile, so leave room if there may be something.
    const isQuiet = this.#quietCommits > QUIET_COMMITS && !(isBehind && this.#unread.length === 0);
    const partMax = isQuiet || this.#held.isCrowded ? 1 : HELD_PART;
    const left = Math.min(this.#commitItems - used, this.#commitItems * partMax);
    // At least one item, so that nothing starves. What has only just been held can wait for the next commit.
    const least = hadHeld || used === 0 ? 1 : 0;
    return [...live, ...this.#takeHeld(Math.max(least, Math.floor(left)))];
  }

  #takeLive(itemsMax: number): Slice[] {
    const slices: Slice[] = [];
    const used = new Map<string, number>();
    let [left, next] = [Math.max(1, Math.floor(itemsMax)), 0];
    for (; next < this.#unread.length && left > 0; next++) {
      const message = this.#unread[next] as Message;
      const { seq, timeMs } = message.entry;
      const dpu = dpuOf(message);
      const usedBefore = used.get(dpu) ?? 0;
      const share = Math.max(1, this.#commitItems * SHARE_PART);
      const waits = this.#byDpu.has(dpu) || !isLive(message) || usedBefore + message.work > share;
      if (this.#held.isCrowded && (waits ? this.#held.nextBegins : message.work > left)) break;
      this.#readingsSeq = seq;
      this.#last = message.entry;
      this.#readMs = Math.max(this.#readMs, timeMs);
      if (waits) {
        this.#hold(message);
        continue;
      }
      const slice = message.take(left);
      slices.push(slice);
      used.set(dpu, usedBefore + slice.to - slice.from);
      left -= Math.max(1, slice.to - slice.from);
      if (message.work > 0) {
        this.#hold(message);
        continue;
      }
      this.#held.pass();
      this.#bytes -= bytesOf(message.entry);
    }
    this.#unread = this.#unread.slice(next);
    return slices;
  }

  /** Round robin between DPUs, or in log order while there are too many ranges. */
  #takeHeld(itemsMax: number): Slice[] {
    const slices: Slice[] = [];
    const turn = Math.max(1, Math.ceil(itemsMax / this.#byDpu.size), Math.floor(this.#commitItems * TURN_PART));
    for (let left = itemsMax; left > 0 && this.#held.size > 0;) {
      const [dpu, { first }] = this.#byDpu.entries().next().value as [string, Fifo<Message>];
      const message = (this.#held.isCrowded ? this.#held.oldest : first) as Message;
      const slice = this.#takeOf(message, Math.min(left, turn));
      slices.push(slice);
      const used = Math.max(1, slice.to - slice.from);
      left -= used;
      if (message !== first) continue;
      // A turn that is cut short by the end of the commit goes on in the next one, so few messages are consumed in part.
      this.#usedInTurn += used;
      if (this.#usedInTurn >= turn || !this.#byDpu.has(dpu)) this.#endTurn(dpu);
    }
    return slices;
  }

  #takeOf(message: Message, itemsMax: number): Slice {
    const slice = this.#held.take(message, itemsMax);
    if (message.work > 0) return slice;
    this.#bytes -= bytesOf(message.entry);
    const dpu = dpuOf(message);
    const messages = this.#byDpu.get(dpu);
    messages?.shift();
    if (messages?.isEmpty) this.#byDpu.delete(dpu);
    return slice;
  }

  /** The DPU comes after the others in the next round. */
  #endTurn(dpu: string): void {
    this.#usedInTurn = 0;
    const messages = this.#byDpu.get(dpu);
    this.#byDpu.delete(dpu);
    if (messages) this.#byDpu.set(dpu, messages);
  }

  #hold(message: Message): void {
    message.compact();
    this.#held.hold(message);
    const dpu = dpuOf(message);
    const messages = this.#byDpu.get(dpu);
    if (messages) messages.push(message);
    else this.#byDpu.set(dpu, new Fifo(message));
  }
}

function bytesOf({ data }: StoredEntry): number {
  return data.length + OVERHEAD_BYTES;
}

/** Heartbeats of a DPU have another subject than its readings, and must not overtake them. */
function dpuOf({ entry: { subject } }: Message): string {
  return entrySubjectOf(subject).dpuId ?? subject;
}

function isTick({ message: { entry } }: Slice): boolean {
  return entrySubjectOf(entry.subject).levels.length === 0;
}

function isLive(message: Message): boolean {
  const { data, timeMs } = message.entry;
  return data.length <= LIVE_BYTES_MAX && timeMs - (message.firstMs ?? timeMs) <= LIVE_AGE_MAX_MS;
}
