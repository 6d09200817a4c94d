// One subscriber's outbox. Events that its sink does not accept at once wait here in order, up to a limit. Beyond
// that, only the newest count of each space is kept, and the subscriber is told how many events it missed. So a slow
// subscriber costs little, does not delay others, and ends with the right counts.
import type { SpaceId } from '../domain/ids.ts';
import type { Correction, FeedItem, LiveCount } from './feed-message.ts';

/** The number of events that may wait before they are merged. */
const WAITING_MAX = 1_000;

export type LiveEvent =
  /**
   * The count of a space. The changes before a snapshot were not sent. An event that `startsOver` is not an item of a
   * feed, so a client that resumes after it gets snapshots.
   */
  | { readonly kind: 'snapshot' | 'change'; readonly item: LiveCount; readonly startsOver?: true }
  | { readonly kind: 'correction'; readonly item: Correction }
  /** This many events were merged into the following ones. */
  | { readonly kind: 'lagged'; readonly skipped: number };

export interface LiveSink {
  /**
   * Writes an event. @param id the subscriber's position, if it is known; '' if a client that resumes has to get
   * snapshots @returns false if the sink accepts no more until it has drained
   */
  write(event: LiveEvent, id: string | undefined): boolean;
  end(): void;
}

export class Subscriber {
  /** null means all. */
  readonly spaceIds: ReadonlySet<SpaceId> | null;
  #sink: LiveSink | undefined;
  readonly #place: () => string;
  #waiting: LiveEvent[] = [];
  #waitingMax = WAITING_MAX;
  #skipped = 0;
  #isBlocked = true;
  #isEnded = false;

  /** @param place the subscriber's position once everything that was offered is written */
  constructor(spaceIds: ReadonlySet<SpaceId> | null, place: () => string) {
    this.spaceIds = spaceIds;
    this.#place = place;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** The position; undefined while events are waiting. */
  get place(): string | undefined {
    return this.#waiting.length === 0 && this.#skipped === 0 ? this.#place() : undefined;
  }

  /** The first events of a subscriber, without a limit. */
  begin(events: readonly LiveEvent[]): void {
    this.#waiting = [...events];
    this.#waitingMax = Math.max(WAITING_MAX, 2 * this.#waiting.length);
  }

  /** Sends events to a sink from now on. */
  open(sink: LiveSink): void {
    this.#sink = sink;
    if (this.#isEnded) sink.end();
    else this.drained();
  }

  offer(event: LiveEvent): void {
    this.#waiting.push(event);
    this.#send();
  }

  /** Events that belong together: only the last one has the position. */
  offerAll(events: readonly LiveEvent[]): void {
    for (const event of events) this.#waiting.push(event);
    this.#send();
  }

  #send(): void {
    if (this.#isBlocked && this.#waiting.length > this.#waitingMax) this.#merge();
    this.#write();
  }

  /** The sink accepts events again. */
  drained(): void {
    this.#isBlocked = false;
    this.#write();
  }

  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
    this.#sink?.end();
  }

  #write(): void {
    const sink = this.#sink;
    if (!sink || this.#isEnded) return;
    let written = 0;
    while (!this.#isBlocked && (written < this.#waiting.length || this.#skipped > 0)) {
      if (this.#skipped > 0) {
        this.#isBlocked = !sink.write({ kind: 'lagged', skipped: this.#skipped }, undefined);
        this.#skipped = 0;
        continue;
      }
      const event = this.#waiting[written];
      if (!event) break;
      written += 1;
      // Only the last event carries the position, because it covers everything up to it.
      const id = written === this.#waiting.length ? this.#place() : 'startsOver' in event ? '' : undefined;
      this.#isBlocked = !sink.write(event, id);
    }
    // Copied only if something left: a subscriber of all spaces may have 100,000 events waiting, and be offered
    // thousands a second.
    if (written === 0) return;
    this.#waiting = written === this.#waiting.length ? [] : this.#waiting.slice(written);
    if (this.#waiting.length === 0) this.#waitingMax = WAITING_MAX;
  }

  /** Keeps the newest count of each space, and the span of its corrections by cause. */
  #merge(): void {
    const kept = new Map<string, LiveEvent>();
    for (const event of this.#waiting) {
      const key = keyOf(event);
      const before = kept.get(key);
      if (before) this.#skipped += 1;
      kept.set(key, before ? merged(before, event) : event);
    }
    this.#waiting = [...kept.values()];
    this.#waitingMax = Math.max(WAITING_MAX, 2 * this.#waiting.length);
  }
}

function keyOf(event: LiveEvent): string {
  switch (event.kind) {
    case 'snapshot':
    case 'change':
      return `count ${event.item.spaceId}`;
    case 'correction':
      return `correction ${event.item.spaceId} ${event.item.cause}`;
    case 'lagged':
      return 'lagged';
  }
}

function merged(before: LiveEvent, after: LiveEvent): LiveEvent {
  if (before.kind === 'correction' && after.kind === 'correction') {
    const [fromMs, toMs] = [
      Math.min(before.item.fromMs, after.item.fromMs),
      Math.max(before.item.toMs, after.item.toMs),
    ];
    const { change, ...item } = after.item;
    const isSame = change !== undefined && change.seq === before.item.change?.seq;
    return { kind: 'correction', item: { ...item, fromMs, toMs, ...(isSame ? { change } : {}) } };
  }
  // A snapshot that was not written yet remains a snapshot, because the client still has to replace its count.
  if (before.kind === 'snapshot' && after.kind === 'change') return { ...after, kind: 'snapshot' };
  return after;
}

/** The event by which a subscriber receives an item. */
export function eventOf(item: FeedItem): LiveEvent {
  return item.kind === 'count' ? { kind: 'change', item } : { kind: 'correction', item };
}
