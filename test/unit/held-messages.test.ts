// The ranges of what waits, against ranges that are found anew from all messages of the log.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WaitingRange } from '../../src/domain/commit.ts';
import { HeldMessages } from '../../src/router/held-messages.ts';
import { Message } from '../../src/router/message.ts';

const messageOf = (seq: number, items: number, consumed: number): Message => {
  const data = new TextEncoder().encode(JSON.stringify(Array.from({ length: items }, () => ({}))));
  return new Message({ seq, timeMs: seq, subject: 'readings.0.d.readings', data }, consumed);
};

/** @param log all messages so far; undefined for those that do not wait */
function rangesOf(log: readonly (Message | undefined)[]): WaitingRange[] {
  const ranges: WaitingRange[] = [];
  for (const [at, message] of log.entries()) {
    if (!message) continue;
    const { entry, consumed } = message;
    const range = consumed === 0 && log[at - 1] ? ranges.pop() : undefined;
    const first = range ?? { subject: null, fromSeq: entry.seq, index: consumed };
    ranges.push({ ...first, toSeq: entry.seq });
  }
  return ranges;
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const) }),
  fc.record({ kind: fc.constant('hold' as const), items: fc.integer({ min: 1, max: 3 }), isBegun: fc.boolean() }),
  fc.record({ kind: fc.constant('take' as const), which: fc.nat(), items: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('takeOldest' as const), count: fc.integer({ min: 1, max: 1_500 }) }),
  fc.record({ kind: fc.constant('holdMany' as const), count: fc.integer({ min: 1, max: 1_500 }) }),
);

test('Q1 ranges name exactly what is left of the messages that were held, in whatever order they are consumed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new HeldMessages(3);
      const log: (Message | undefined)[] = [];
      const hold = (items: number, consumed: number): void => {
        const message = messageOf(log.length + 1, items, consumed);
        log.push(message);
        held.hold(message);
      };
      const take = (message: Message, items: number): void => {
        const { consumed, length } = message;
        const slice = held.take(message, items);
        expect([slice.from, slice.to]).toEqual([consumed, Math.min(length, consumed + items)]);
        if (slice.to === length) log[message.entry.seq - 1] = undefined;
      };
      for (const each of steps) {
        const waiting = log.filter((message) => message !== undefined);
        const chosen = each.kind === 'take' ? waiting[each.which % waiting.length] : undefined;
        if (each.kind === 'hold') hold(each.items, each.isBegun ? each.items - 1 : 0);
        else if (each.kind === 'holdMany') for (let n = 0; n < each.count; n++) hold(1, 0);
        else if (each.kind === 'takeOldest') for (const message of waiting.slice(0, each.count)) take(message, 3);
        else if (each.kind === 'take' && chosen) take(chosen, each.items);
        else if (each.kind === 'pass') {
          log.push(undefined);
          held.pass();
        }
        const expected = rangesOf(log);
        expect(held.ranges).toEqual(expected);
        expect([held.size, held.isCrowded]).toEqual([log.filter(Boolean).length, expected.length >= 3]);
        expect(held.oldest).toBe(log.find(Boolean));
      }
    }),
    { numRuns: 40 },
  );
});
