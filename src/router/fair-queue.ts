// The entries of READINGS that a router has read but not yet consumed, and the choice of which ones the next commit
// consumes. A deficit round robin (Shreedhar and Varghese, 1995) between DPUs, measured in items:
//
// - A DPU within its share of a commit goes first, in log order.
// - The items of a DPU beyond its share are its backlog. Backlogs share the rest of the commit round robin, which is
//   never less than their minimum share. So every backlog finishes, a single one runs at full speed, and nothing ever
//   pauses.
// - Messages of one DPU stay in order: while it has a backlog, its new messages are appended to the backlog.
// - A commit names the first item of each backlog, so a router that restarts has the same backlogs (Q1).
// - Memory is bounded: only a limited number of DPUs can have a backlog (when more have one, the log is consumed in
//   order), and the log is not read while more than a limited number of bytes wait.
import type { Backlog } from '../domain/commit.ts';
import { markOf, type MessageMark } from '../domain/log-mark.ts';
import { BEGINNING_MS } from '../domain/instant.ts';
import type { StoredEntry } from '../domain/log-entry.ts';
import { Message, type Slice } from './message.ts';
import type { ReadPayload } from '../adapters/payload.ts';

const BACKLOGS_MAX = 8;
const BYTES_MAX = 64 * 1024 * 1024;
/**
 * Fractions of the items in a commit: the share of one DPU ahead of the others, and the minimum share of all backlogs
 * together.
 */
const [SHARE_PART, BACKLOGS_PART] = [0.25, 0.2];

export class FairQueue {
  readonly #commitItems: number;
  readonly #readPayload: ReadPayload | undefined;
  /** Messages that were read, in log order. */
  #waiting: Message[] = [];
  readonly #backlogs = new Map<string, Message[]>();
  #bytes = 0;
  #readingsSeq: number;
  #readMs = BEGINNING_MS;
  /** The entry at `readingsSeq`; undefined until the first entry was put. */
  #last: StoredEntry | undefined;

  /**
   * @param commitItems the maximum number of items that one commit consumes
   * @param readingsSeq READINGS is consumed up to here, except for backlogs
   * @param readPayload reads messages in device-specific formats
   */
  constructor(commitItems: number, readingsSeq: number, readPayload?: ReadPayload) {
    this.#commitItems = commitItems;
    this.#readPayload = readPayload;
    this.#readingsSeq = readingsSeq;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#backlogs.size === 0;
  }

  get isFull(): boolean {
    return this.#bytes >= BYTES_MAX;
  }

  /** Messages that are not consumed yet. */
  get length(): number {
    let sum = this.#waiting.length;
    for (const { length } of this.#backlogs.values()) sum += length;
    return sum;
  }

  /** READINGS is consumed up to here, except for backlogs. */
  get readingsSeq(): number {
    return this.#readingsSeq;
  }

  /** The digest of the entry at `readingsSeq`; undefined until the first entry was put. */
  get readingsMark(): MessageMark | undefined {
    return this.#last && markOf(this.#last);
  }

  get backlogs(): Backlog[] {
    return [...this.#backlogs].flatMap(([subject, [first]]) =>
      first ? { subject, seq: first.entry.seq, index: first.consumed } : [],
    );
  }

  /** Everything that arrived up to this time is consumed; BEGINNING_MS if nothing was read yet. */
  get clockMs(): number {
    let least = this.#readMs;
    for (const [first] of this.#backlogs.values()) least = Math.min(least, first?.entry.timeMs ?? Infinity);
    return least;
  }

  /** Appends the next entries of the log. */
  put(entries: readonly StoredEntry[]): void {
    for (const entry of entries) {
      this.#waiting.push(new Message(entry, 0, this.#readPayload));
      this.#bytes += entry.data.length;
    }
  }

  /** Restores an entry of a backlog that a commit names. Call it in log order. */
  resume(entry: StoredEntry, consumed: number): void {
    this.#bytes += entry.data.length;
    this.#addToBacklog(new Message(entry, consumed, this.#readPayload));
  }

  /**
   * Removes and returns the items for the next commit. @param isBehind more of the log is ready to be read, and may
   * contain readings of other DPUs
   */
  take(isBehind: boolean): Slice[] {
    const hadBacklogs = this.#backlogs.size > 0;
    const taken = this.#takeInOrder(this.#commitItems * (hadBacklogs ? 1 - BACKLOGS_PART : 1));
    const used = taken.reduce((sum, { from, to }) => sum + to - from, 0);
    // While more can be read at once, leave room for it: it may hold readings of other DPUs.
    const partMax = isBehind && this.#waiting.length === 0 ? BACKLOGS_PART : 1;
    const left = Math.min(this.#commitItems - used, this.#commitItems * partMax);
    // At least one item, so that no backlog starves. A backlog that has only just begun can wait for the next commit.
    const least = hadBacklogs || used === 0 ? 1 : 0;
    return [...taken, ...this.#takeOfBacklogs(Math.max(least, Math.floor(left)))];
  }

  #takeInOrder(itemsMax: number): Slice[] {
    const slices: Slice[] = [];
    const used = new Map<string, number>();
    let [left, next] = [Math.max(1, Math.floor(itemsMax)), 0];
    for (; next < this.#waiting.length && left > 0; next++) {
      const message = this.#waiting[next] as Message;
      const { subject, seq, timeMs } = message.entry;
      const [hasBacklog, mayHaveBacklog] = [this.#backlogs.has(subject), this.#backlogs.size < BACKLOGS_MAX];
      // This message would start one backlog too many: it waits until another backlog ends.
      if (!hasBacklog && !mayHaveBacklog && message.work > left) break;
      this.#readingsSeq = seq;
      this.#last = message.entry;
      this.#readMs = Math.max(this.#readMs, timeMs);
      const usedBefore = used.get(subject) ?? 0;
      if (hasBacklog || (mayHaveBacklog && usedBefore + message.work > this.#commitItems * SHARE_PART)) {
        this.#addToBacklog(message);
        continue;
      }
      const slice = message.take(left);
      slices.push(slice);
      used.set(subject, usedBefore + slice.to - slice.from);
      left -= Math.max(1, slice.to - slice.from);
      if (message.work > 0) this.#addToBacklog(message);
      else this.#bytes -= message.entry.data.length;
    }
    this.#waiting = this.#waiting.slice(next);
    return slices;
  }

  /** Round robin, with slices small enough that every backlog gets one. */
  #takeOfBacklogs(itemsMax: number): Slice[] {
    const slices: Slice[] = [];
    const quantum = Math.max(1, Math.ceil(itemsMax / Math.max(1, this.#backlogs.size)));
    for (let left = itemsMax; left > 0 && this.#backlogs.size > 0;) {
      const [subject, messages] = this.#backlogs.entries().next().value as [string, Message[]];
      const before = left;
      while (left > 0 && before - left < quantum && messages.length > 0) {
        const message = messages[0] as Message;
        const slice = message.take(Math.min(left, quantum - (before - left)));
        slices.push(slice);
        left -= Math.max(1, slice.to - slice.from);
        if (message.work > 0) break;
        messages.shift();
        this.#bytes -= message.entry.data.length;
      }
      // Re-inserted at the end, so that it comes after the others in the next round.
      this.#backlogs.delete(subject);
      if (messages.length > 0) this.#backlogs.set(subject, messages);
    }
    return slices;
  }

  #addToBacklog(message: Message): void {
    const { subject } = message.entry;
    message.compact();
    const messages = this.#backlogs.get(subject);
    if (messages) messages.push(message);
    else this.#backlogs.set(subject, [message]);
  }
}
