// The reorder buffer: whatever order events arrive in, they leave in event order, each once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachChange, ReorderBuffer } from '../../actors/space/reorder-buffer.ts';
import { loggedEvent, type LoggedEvent } from '../../src/domain/log-entry.ts';
import { END_MS } from '../../src/domain/instant.ts';
import { compareEvents } from '../../src/domain/space-event.ts';
import { eventOf } from '../support/event-of.ts';

const at = (timestampMs: number, seq = 1): LoggedEvent => eventOf({ timestampMs, seq });
const byEventOrder = (events: readonly LoggedEvent[]): LoggedEvent[] => [...events].sort(compareEvents);

const arbitraryEvent = fc
  .record({
    timestampMs: fc.integer({ min: 0, max: 60 }),
    delta: fc.constantFrom(1 as const, -1 as const),
    sign: fc.constantFrom(1 as const, -1 as const),
    seq: fc.integer({ min: 1, max: 1_000 }),
  })
  .map(eventOf);

describe('a reorder buffer', () => {
  it('is empty at first', () => {
    const buffer = new ReorderBuffer();
    expect([buffer.size, buffer.items(), buffer.take(END_MS)]).toEqual([0, [], []]);
    expect(buffer.lastMs).toBe(-Infinity);
  });

  it('B1 returns events in event order, each once, however additions and the watermark alternate', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ add: arbitraryEvent }) },
      { weight: 1, arbitrary: fc.record({ takeToMs: fc.integer({ min: 0, max: 70 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const buffer = new ReorderBuffer();
        let waiting: LoggedEvent[] = [];
        for (const each of steps) {
          if ('add' in each) {
            const isNext = waiting.every((other) => compareEvents(other, each.add) < 0);
            expect(buffer.add(each.add)).toBe(isNext);
            waiting.push(each.add);
          } else {
            const due = waiting.filter(({ timestampMs }) => timestampMs <= each.takeToMs);
            expect(buffer.take(each.takeToMs)).toEqual(byEventOrder(due));
            waiting = waiting.filter((event) => !due.includes(event));
          }
          expect(buffer.items()).toEqual(byEventOrder(waiting));
          expect(buffer.size).toBe(waiting.length);
          expect(buffer.lastMs).toBe(Math.max(-Infinity, ...waiting.map(({ timestampMs }) => timestampMs)));
        }
      }),
    );
  });

  it('B1 loses no event when it frees the memory of those that have left', () => {
    const buffer = new ReorderBuffer();
    const events = Array.from({ length: 5_000 }, (_, n) => at(n, n + 1));
    for (const event of events) buffer.add(event);
    const taken = [1_000, 1_023, 1_024, 3_000, 4_998].flatMap((untilMs) => buffer.take(untilMs));
    expect(taken).toEqual(events.slice(0, 4_999));
    // An event before all others goes to the front, not into the slots of the events that have left.
    buffer.add(at(10));
    expect(buffer.take(END_MS)).toEqual([at(10), events[4_999]]);
  });

  it('keeps the assertion and the retraction of a reading in arrival order', () => {
    const buffer = new ReorderBuffer();
    const [assertion, retraction] = [at(5, 1), { ...at(5, 2), sign: -1 as const }];
    expect([buffer.add(assertion), buffer.add(retraction)]).toEqual([true, false]);
    expect(buffer.take(5)).toEqual([assertion, retraction]);
  });
});

describe('changes', () => {
  const changesOf = (events: readonly LoggedEvent[]): [number, number][] => {
    const found: [number, number][] = [];
    forEachChange(events, (timestampMs, change) => found.push([timestampMs, change]));
    return found;
  };
  const retracted = (event: LoggedEvent): LoggedEvent => ({ ...event, sign: -1 });

  it('are one per reading, also for a reading that is asserted, retracted and asserted again', () => {
    const exit = eventOf({ timestampMs: 2, delta: -1 });
    expect(changesOf([at(1), exit, retracted(exit), exit, at(3), retracted(at(3))])).toEqual([
      [1, 1],
      [2, -1],
      [3, 0],
    ]);
  });

  it('are two for two readings at one instant', () => {
    const other = loggedEvent({ ...at(1), name: 'other' }, 1);
    expect(changesOf([at(1), other])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('cannot assert a reading twice, or retract what was not asserted', () => {
    expect(() => changesOf([at(1), at(1)])).toThrow('a reading at 1');
    expect(() => changesOf([retracted(at(1))])).toThrow('a reading at 1');
  });
});
