// The lowest sequence of an open block decides up to where the log may be truncated; one that is too high loses events.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastSeq } from '../../actors/partition/block.ts';
import { OpenBlock } from '../../actors/partition/open-block.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { eventOf } from '../support/event-of.ts';

const events = fc
  .array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 5 })
  .map((seqs): LoggedEvent[] => seqs.map((seq) => eventOf({ timestampMs: seq, seq })));

describe('an open block', () => {
  it('F1 knows the lowest sequence of its rows, whatever comes in, is cut, or is restored', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ final: events }) },
      { weight: 2, arbitrary: events.map((late) => ({ late: late[0] })) },
      { weight: 1, arbitrary: fc.constantFrom('cut' as const, 'restore' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let block = new OpenBlock({});
        for (const each of steps) {
          if (each === 'cut') block.cut();
          else if (each === 'restore') block = new OpenBlock(block.snapshot());
          else if ('final' in each) block.take({ type: 'eventsFinal', events: each.final }, 0);
          else if (each.late) block.take({ type: 'eventLate', event: each.late }, 0);
          expect(block.leastSeq).toBe(leastSeq(block.rows));
        }
      }),
    );
  });
});
