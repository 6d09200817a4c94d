// When a block with late rows is cut; and the lowest sequence of its rows, which decides up to where the log may be truncated.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastSeq } from '../../actors/partition/block.ts';
import { OpenBlock } from '../../actors/partition/open-block.ts';
import type { DoorwayId, DpuId, SpaceId } from '../../src/domain/ids.ts';
import type { LoggedEvent } from '../../src/domain/log-entry.ts';
import { DEFAULT_SETTINGS } from '../../src/domain/topology.ts';
import { eventOf } from '../support/event-of.ts';
import { personEvent } from '../support/person-event.ts';

const SETTINGS = { ...DEFAULT_SETTINGS, lateBlockAgeMaxMs: 10 };
const LATE_ROW = {
  ...personEvent(
    { spaceId: 1 as SpaceId, dpuId: 'd' as DpuId, doorwayId: 1 as DoorwayId, timestampMs: 0, sign: 1, primary: true },
    1,
  ),
  readingId: 'd~0~+',
  seq: 1,
};
const UNTIL_MS = 100;

/** When blocks are cut if late rows come at some instants. */
function cutTimes(lateAtMs: readonly number[], limit: { readonly repeatedLateBlockAgeMaxMs?: number }): number[] {
  let open = new OpenBlock({});
  const times: number[] = [];
  const settings = { ...SETTINGS, ...limit };
  for (let logMs = 0; logMs <= UNTIL_MS; logMs++) {
    if (lateAtMs.includes(logMs)) open.take({ type: 'eventLate', event: LATE_ROW }, logMs);
    if (!open.isDue(logMs, settings, 1)) continue;
    open.cut(logMs, settings);
    times.push(logMs);
    // As after a restart.
    open = new OpenBlock(open.snapshot());
  }
  return times;
}

const ALL_THE_TIME = Array.from({ length: UNTIL_MS }, (_, ms) => ms);

describe('a block with late rows', () => {
  it.each([
    ['as in settings of earlier versions', {}, [10, 21, 32, 43, 54, 65, 76, 87, 98]],
    ['twice as old as the one before, up to a limit', { repeatedLateBlockAgeMaxMs: 25 }, [10, 31, 57, 83]],
    ['as without a limit if that is lower', { repeatedLateBlockAgeMaxMs: 5 }, [10, 21, 32, 43, 54, 65, 76, 87, 98]],
  ])('F2 is cut, while late rows keep coming, %s', (_, limit, expected) => {
    expect(cutTimes(ALL_THE_TIME, limit)).toEqual(expected);
  });

  it('F2 knows nothing of the one before while the rule is off, as processes of earlier versions', () => {
    const open = new OpenBlock({});
    open.take({ type: 'eventLate', event: LATE_ROW }, 0);
    open.cut(10, { ...SETTINGS, repeatedLateBlockAgeMaxMs: SETTINGS.lateBlockAgeMaxMs });
    expect(open.snapshot().lateBefore).toBeNull();
  });

  it('F2 is cut early again once no late row has come for as long as the block before it waited', () => {
    const limit = { repeatedLateBlockAgeMaxMs: 25 };
    expect(cutTimes([0, 19, 58], limit)).toEqual([10, 39, 83]);
    expect(cutTimes([0, 19, 59], limit)).toEqual([10, 39, 69]);
    expect(cutTimes([0, 20], limit)).toEqual([10, 30]);
  });
});

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
          if (each === 'cut') block.cut(0, SETTINGS);
          else if (each === 'restore') block = new OpenBlock(block.snapshot());
          else if ('final' in each) block.take({ type: 'eventsFinal', events: each.final }, 0);
          else if (each.late) block.take({ type: 'eventLate', event: each.late }, 0);
          expect(block.leastSeq).toBe(leastSeq(block.rows));
        }
      }),
    );
  });
});
