import { describe, expect, it } from 'vitest';
import type { SpaceId } from '../../src/domain/ids.ts';
import type { Correction, LiveCount } from '../../src/live/feed-message.ts';
import { Subscriber, type LiveEvent } from '../../src/live/subscriber.ts';

const count = (spaceId: number, people: number): LiveCount => ({
  kind: 'count',
  spaceId: spaceId as SpaceId,
  seq: people,
  timestampMs: 0,
  count: people,
  net: people,
  lastReadingMs: 0,
  watermarkMs: 0,
  isSettled: true,
  isStale: false,
});
const change = (spaceId: number, people: number): LiveEvent => ({ kind: 'change', item: count(spaceId, people) });
const correction = (fromMs: number, toMs: number): LiveEvent => ({
  kind: 'correction',
  item: { kind: 'correction', spaceId: 1 as SpaceId, seq: 1, fromMs, toMs, cause: 'late' } satisfies Correction,
});

/** Accepts `room` events, and then reports that it is full. */
class Sink {
  readonly written: { event: LiveEvent; id: string | undefined }[] = [];
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  write(event: LiveEvent, id: string | undefined): boolean {
    this.written.push({ event, id });
    this.room -= 1;
    return this.room > 0;
  }

  end(): void {
    this.room = 0;
  }
}

describe('a subscriber', () => {
  it('that keeps up gets every event, with its sequence after each complete item', () => {
    const sink = new Sink(Infinity);
    const subscriber = new Subscriber(null, () => 'here');
    subscriber.begin([change(1, 1), change(2, 1)]);
    subscriber.open(sink);
    subscriber.offer(change(1, 2));
    expect(sink.written.map(({ event, id }) => [event.kind === 'change' && event.item.count, id])).toEqual([
      [1, undefined],
      [1, 'here'],
      [2, 'here'],
    ]);
    expect(subscriber.place).toBe('here');
  });

  it('of very many spaces is offered events quickly while its sink accepts none', () => {
    const subscriber = new Subscriber(null, () => 'here');
    const spaces = Array.from({ length: 200_000 }, (_, n) => change(n, 1));
    subscriber.begin(spaces);
    subscriber.open(new Sink(1));
    // Milliseconds; copying what waits for each of them would take half a minute.
    for (const event of spaces.slice(0, 50_000)) subscriber.offer(event);
    expect(subscriber.waiting).toBe(249_999);
  }, 5_000);

  it('that is slow is told the change behind merged corrections only if all of them have the same', () => {
    const sink = new Sink(1);
    const subscriber = new Subscriber(null, () => 'here');
    subscriber.open(sink);
    subscriber.offer(change(1, 0));
    const moved = (spaceId: number, n: number, seq: number | undefined): LiveEvent => ({
      kind: 'correction',
      item: {
        ...{ kind: 'correction', spaceId: spaceId as SpaceId, seq: n, fromMs: n, toMs: n + 1, cause: 'move' },
        ...(seq === undefined ? {} : { change: { seq, kind: 'dpu' } }),
      },
    });
    for (let n = 0; n < 600; n++) {
      subscriber.offer(moved(1, n, 7));
      subscriber.offer(moved(2, n, 7 + (n % 2)));
      subscriber.offer(moved(3, n, n === 0 ? undefined : 7));
    }
    sink.room = Infinity;
    subscriber.drained();
    const [, , ...merged] = sink.written.map(({ event }) => event);
    const causes = merged.flatMap((event) =>
      event.kind === 'correction' && event.item.fromMs === 0 ? [[event.item.spaceId, event.item.change?.seq]] : [],
    );
    expect(causes).toEqual([
      [1, 7],
      [2, undefined],
      [3, undefined],
    ]);
  });

  it('that is slow is told so, gets the newest events, and holds a bounded number', () => {
    const sink = new Sink(1);
    const subscriber = new Subscriber(null, () => 'here');
    subscriber.open(sink);
    subscriber.offer(change(1, 0));
    let mostWaiting = 0;
    for (let people = 1; people <= 10_000; people += 1) {
      subscriber.offer(change(1 + (people % 3), people));
      mostWaiting = Math.max(mostWaiting, subscriber.waiting);
    }
    expect(mostWaiting).toBeLessThanOrEqual(1_001);
    expect(subscriber.place).toBeUndefined();
    sink.room = Infinity;
    subscriber.drained();
    const [, notice, ...rest] = sink.written.map(({ event }) => event);
    expect(notice?.kind).toBe('lagged');
    const skipped = notice?.kind === 'lagged' ? notice.skipped : 0;
    expect(skipped + rest.length).toBe(10_000);
    for (const spaceId of [1, 2, 3]) {
      const newest = rest.findLast((event) => event.kind === 'change' && event.item.spaceId === spaceId);
      // The last n in 1 to 10,000 with n % 3 = spaceId - 1.
      expect(newest).toEqual(change(spaceId, 10_000 - ((10_000 - spaceId + 1) % 3)));
    }
    expect(sink.written.at(-1)?.id).toBe('here');
  });

  it('that is slow gets one correction with the whole span', () => {
    const sink = new Sink(1);
    const subscriber = new Subscriber(null, () => 'here');
    subscriber.open(sink);
    subscriber.offer(change(1, 0));
    for (let at = 1; at <= 2_000; at += 1) subscriber.offer(correction(10_000 - at, 10_000 + at));
    sink.room = Infinity;
    subscriber.drained();
    const spans = sink.written.flatMap(({ event }) => (event.kind === 'correction' ? [event.item] : []));
    expect(Math.min(...spans.map(({ fromMs }) => fromMs))).toBe(8_000);
    expect(Math.max(...spans.map(({ toMs }) => toMs))).toBe(12_000);
  });

  it('may start with a snapshot above its limit without being told that it is slow', () => {
    const sink = new Sink(1);
    const subscriber = new Subscriber(null, () => 'here');
    subscriber.begin(Array.from({ length: 5_000 }, (_, id): LiveEvent => ({ kind: 'snapshot', item: count(id, 1) })));
    subscriber.open(sink);
    subscriber.offer(change(7, 2));
    sink.room = Infinity;
    subscriber.drained();
    expect(sink.written.map(({ event }) => event.kind).filter((kind) => kind === 'lagged')).toEqual([]);
    expect(sink.written).toHaveLength(5_001);
  });
});
