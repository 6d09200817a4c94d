// Replaying readings of a payload that the router rejected, on a store and a log in memory.
import { describe, expect, it } from 'vitest';
import type { KeptLetter } from '../../src/ports/dead-letters.ts';
import { TimestampBound } from '../../src/publishing/timestamp-bound.ts';
import {
  AFTER,
  ARRIVED,
  at,
  BEFORE,
  HOUR,
  NARROW,
  NOW,
  OTHERWISE,
  passed,
  ReplayStore,
  WIDE,
} from '../support/replay-store.ts';

describe('readings of a payload that were rejected', () => {
  /** The device writes its local time, which is one hour ahead, without an offset. */
  const local = (second: number): string => new Date(NOW + second * 1_000).toISOString().replace(/Z$/, '');
  const BERLIN = { ...NARROW, time_zone: 'Europe/Berlin' };
  const wrong = (options: object): Record<string, unknown> => ({ ...options, time_zone: 'UTC' });
  const crossing = (d: string, second: number): object => ({ line: 'a', d, at: local(second) });
  const reading = (second: number, direction = 1): string =>
    `shop/a {"dpu_id":"shop/a","timestamp":"${at(second)}","direction":${direction}}`;

  it('D2 for their timestamps are replayed with the options of now', async () => {
    const store = new ReplayStore();
    store.configure('mapping', wrong(BERLIN), BEFORE);
    expect(store.arrive('mapping', [crossing('in', 1), crossing('out', 2)])).toEqual(['future']);
    store.configure('mapping', BERLIN, AFTER);
    expect(await store.replay({ reason: 'future' })).toEqual({ letters: 1, readings: 2, skipped: [], skippedItems: 0 });
    const once = [reading(1), reading(2, -1)];
    expect(store.appended).toEqual(once);
    // Options that read other readings, and the first options again.
    store.configure('mapping', { ...BERLIN, reversed: true }, AFTER + 1);
    expect((await store.replay()).skipped).toMatchObject([{ detail: expect.stringContaining(OTHERWISE) as string }]);
    store.configure('mapping', wrong(BERLIN), AFTER + 2);
    expect(await store.replay({ shiftMs: -HOUR })).toMatchObject({ readings: 0, skippedItems: 2 });
    expect(store.appended).toEqual(once);
    store.configure('mapping', BERLIN, AFTER + 3);
    expect(await store.replay()).toMatchObject({ readings: 2, skippedItems: 0 });
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('D2 for a clock that is not set are replayed with the options of now', async () => {
    const store = new ReplayStore();
    store.configure('mapping', { ...NARROW, time: '@.uptime', time_unit: 's' }, BEFORE);
    expect(store.arrive('mapping', { line: 'a', d: 'in', at: at(1), uptime: 77 })).toEqual(['clock_unset']);
    store.configure('mapping', NARROW, AFTER);
    expect(await store.replay()).toMatchObject({ readings: 1, skippedItems: 0 });
    expect(store.appended).toEqual([reading(1)]);
  });

  it('D2 are not replayed where what has counted would be read differently', async () => {
    const store = new ReplayStore();
    store.configure('mapping', wrong(BERLIN), BEFORE);
    expect(store.arrive('mapping', [crossing('in', -1_800), crossing('in', 2)])).toEqual(['future']);
    store.configure('mapping', BERLIN, AFTER);
    expect((await store.replay()).skipped).toMatchObject([
      { items: 1, detail: expect.stringContaining('it would count twice') as string },
    ]);
    expect([store.appended, store.records.size]).toEqual([[], 0]);
  });

  it('D2 are replayed once with what could not be read, whichever letter is replayed first', async () => {
    const options = wrong({ ...BERLIN, time_zone: undefined });
    const payload = [{ line: 'a', d: 'in', at: at(1) }, crossing('in', 2), { ...crossing('IN', 3), line: 'b' }];
    const store = new ReplayStore();
    store.configure('mapping', options, BEFORE);
    expect(store.arrive('mapping', payload).sort()).toEqual(['bad_payload', 'future']);
    store.configure('mapping', { ...WIDE, time_zone: 'Europe/Berlin' }, AFTER);
    const all = [reading(2), `shop/b {"dpu_id":"shop/b","timestamp":"${at(3)}","direction":1}`];
    for (const reason of [undefined, 'future', 'bad_payload'] as const) {
      store.appended.length = 0;
      expect(await store.replay({ reason })).toMatchObject({ readings: 2, skippedItems: 0 });
      expect(store.appended.sort()).toEqual(all);
    }
    // With another shift both would count again.
    for (const reason of ['future', 'bad_payload'] as const)
      expect((await store.replay({ reason, shiftMs: -1 })).skipped).toMatchObject([
        { detail: 'its payload was replayed before, with a shift of 0 ms' },
      ]);
  });

  it('D2 have the same ids in each letter of their payload', async () => {
    const options = { ...NARROW, time: '@.uptime' };
    const store = new ReplayStore();
    store.configure('mapping', options, BEFORE);
    const item = { line: 'a', d: 'in', uptime: 77 };
    expect(store.arrive('mapping', [item, { ...item, d: 'IN' }]).sort()).toEqual(['bad_payload', 'clock_unset']);
    store.configure('mapping', { ...WIDE, time: undefined }, AFTER);
    await store.replay({ reason: 'clock_unset' });
    const once = [...store.appended];
    expect(once).toHaveLength(2);
    await store.replay({ reason: 'bad_payload' });
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('D2 stay as they were replayed when options change that read them differently', async () => {
    const store = new ReplayStore();
    store.configure('mapping', wrong(BERLIN), BEFORE);
    store.arrive('mapping', [crossing('in', 2), crossing('IN', 3)]);
    // The clock seemed to be ahead.
    expect(await store.replay({ reason: 'future', shiftMs: -2 * HOUR })).toMatchObject({ readings: 1 });
    store.configure('mapping', { ...WIDE, time_zone: 'Europe/Berlin' }, AFTER);
    expect((await store.replay({ reason: 'bad_payload' })).skipped).toMatchObject([
      { detail: `a part of its payload was replayed before, ${OTHERWISE}` },
    ]);
    store.configure('mapping', wrong(WIDE), AFTER + 1);
    expect(await store.replay({ reason: 'bad_payload', shiftMs: -3 * HOUR })).toMatchObject({ readings: 1 });
    expect(store.appended).toEqual([reading(2 - 3_600), reading(3 - 7_200)]);
  });

  it('D2 are replayed when what is accepted has changed since', async () => {
    const allowing = new TimestampBound(2 * HOUR, 'key');
    for (const [then, now] of [
      [new TimestampBound(0, 'key'), allowing],
      [allowing, new TimestampBound(0, 'key')],
      [allowing, new TimestampBound(2 * HOUR, 'key', ARRIVED)],
    ] as const) {
      const store = new ReplayStore();
      store.configure('mapping', NARROW, BEFORE);
      const items = [passed('a', 'in', 1), passed('a', 'in', 3_700), passed('a', 'in', 20_000), passed('b', 'IN', 4)];
      expect(store.arrive('mapping', items, then).sort()).toEqual(['bad_payload', 'future']);
      store.bound = now;
      const rejected = then === allowing ? 1 : 2;
      // Whatever the setting is, the readings that were accepted are not replayed.
      const ahead = await store.replay({ reason: 'future', shiftMs: -5 * HOUR, isDryRun: true });
      expect(ahead.readings + ahead.skippedItems).toBe(rejected);
      expect(ahead.skipped.map(({ detail }) => detail)).not.toContainEqual(expect.stringContaining('not known'));
      store.configure('mapping', WIDE, AFTER);
      const unread = await store.replay({ reason: 'bad_payload' });
      expect(unread.readings + unread.skippedItems).toBe(1);
    }
  });

  it('D2 of an earlier version are replayed as they were read when they arrived', async () => {
    const store = new ReplayStore();
    store.configure('mapping', wrong(BERLIN), BEFORE);
    store.arrive('mapping', [crossing('in', 1), crossing('in', 2)]);
    const [found] = store.letters;
    const earlier = { ...(found as KeptLetter) };
    delete (earlier as { arrival?: unknown }).arrival;
    store.letters.splice(0, 1, earlier);
    store.configure('mapping', BERLIN, AFTER);
    expect(await store.replay({ shiftMs: -HOUR })).toMatchObject({ readings: 2 });
    expect(store.appended).toEqual([reading(1), reading(2)]);
  });
});
