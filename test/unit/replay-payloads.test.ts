// Replaying the dead letters of payloads, on a store and a log in memory.
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { AdaptedPayload } from '../../src/adapters/adapter.ts';
import { ADAPTERS } from '../../src/adapters/adapters.ts';
import type { DpuId } from '../../src/domain/ids.ts';
import type { KeptLetter } from '../../src/ports/dead-letters.ts';
import {
  AFTER,
  at,
  BEFORE,
  HOUR,
  letter,
  NARROW,
  NOW,
  OTHERWISE,
  passed,
  ReplayStore,
  WIDE,
} from '../support/replay-store.ts';

afterEach(() => void vi.restoreAllMocks());

describe('the letter of a payload', () => {
  const PAYLOAD = [passed('a', 'in', 1), passed('b', 'IN', 2), passed('a', 'out', 3)];
  const payloadLetter = (some: Partial<KeptLetter>, payload: unknown = PAYLOAD): KeptLetter => ({
    ...letter(JSON.stringify(payload)),
    reason: 'bad_payload',
    subject: 'readings.0.shop.mapping',
    ...some,
  });
  const [FIRST, SECOND, THIRD] = [
    `shop/a {"dpu_id":"shop/a","timestamp":"${at(1)}","direction":1}`,
    `shop/b {"dpu_id":"shop/b","timestamp":"${at(2)}","direction":1}`,
    `shop/a {"dpu_id":"shop/a","timestamp":"${at(3)}","direction":-1}`,
  ];

  it('D2 is read with the options of now, where nothing of it could be read', async () => {
    const store = new ReplayStore(payloadLetter({ index: 0 }));
    expect(await store.replay()).toMatchObject({
      readings: 0,
      skippedItems: 1,
      skipped: [
        {
          detail: expect.stringContaining('mapping cannot read it with the options that the device has now') as string,
        },
      ],
    });
    expect(store.records.size).toBe(0);
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay()).toEqual({ letters: 1, readings: 3, skipped: [], skippedItems: 0 });
    expect(new Set(store.appended)).toEqual(new Set([FIRST, SECOND, THIRD]));
  });

  it('D2 holds what could not be read, where the rest of it has counted', async () => {
    const store = new ReplayStore(payloadLetter({ index: 2 }));
    store.configure('mapping', NARROW, NOW - HOUR);
    expect(await store.replay()).toMatchObject({ readings: 0, skippedItems: 1 });
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay()).toMatchObject({ readings: 1, skippedItems: 0 });
    expect(store.appended).toEqual([SECOND]);
    // Again, also after other options of another adapter.
    expect(await store.replay()).toMatchObject({ readings: 1, skippedItems: 0 });
    expect(store.appended).toEqual([SECOND, SECOND]);
  });

  it('D2 is not replayed where what has counted would be read differently', async () => {
    const store = new ReplayStore(payloadLetter({ index: 2 }));
    store.configure('mapping', NARROW, NOW - HOUR);
    for (const options of [
      { ...WIDE, reversed: true },
      { ...WIDE, lines: { a: 'north' } },
      { ...WIDE, time: undefined },
    ]) {
      store.configure('mapping', JSON.parse(JSON.stringify(options)) as Record<string, unknown>, AFTER);
      expect(await store.replay()).toMatchObject({
        readings: 0,
        skippedItems: 1,
        skipped: [{ detail: expect.stringContaining('it would count twice') as string }],
      });
    }
    store.configure('mapping', null, AFTER);
    expect(await store.replay()).toMatchObject({ readings: 0 });
    expect([store.appended, store.records.size]).toEqual([[], 0]);
  });

  it('D2 is not replayed where it is not known what has counted', async () => {
    const store = new ReplayStore(payloadLetter({ index: 1 }));
    store.configure('mapping', NARROW, NOW - HOUR);
    store.configure('mapping', WIDE, AFTER);
    expect((await store.replay()).skipped).toMatchObject([
      { detail: expect.stringContaining('it is not known what of it has counted') as string },
    ]);
  });

  it('D2 is replayed with one set of options only', async () => {
    const store = new ReplayStore(payloadLetter({ index: 0 }));
    store.configure('mapping', WIDE, AFTER);
    store.refuses = 1;
    await expect(store.replay()).rejects.toThrow('READINGS is unavailable');
    store.configure('mapping', { ...WIDE, reversed: true }, AFTER + 1);
    store.refuses = 0;
    expect(await store.replay()).toMatchObject({
      readings: 0,
      skipped: [{ detail: `it was replayed before, with a shift of 0 ms, and ${OTHERWISE}` }],
    });
    store.configure('xovis', {}, AFTER + 2);
    store.configure('mapping', WIDE, AFTER + 3);
    expect(await store.replay()).toMatchObject({ readings: 3 });
    expect(new Set(store.appended)).toEqual(new Set([FIRST, SECOND, THIRD]));
  });

  it('D2 without times counts when it arrived, and what has counted does not count again', async () => {
    const untimed = (options: typeof NARROW): Record<string, unknown> =>
      JSON.parse(JSON.stringify({ ...options, time: undefined })) as Record<string, unknown>;
    const store = new ReplayStore(payloadLetter({ index: 2 }, [...PAYLOAD, passed('b', 'IN', 9)]));
    store.configure('mapping', untimed(NARROW), NOW - HOUR);
    store.configure('mapping', untimed(WIDE), AFTER);
    const once = [0, 1].map(
      (n) =>
        `shop/b {"dpu_id":"shop/b","timestamp":"${new Date(NOW - 1_000).toISOString()}","direction":1,"id":"replay_17_2_${n}"}`,
    );
    await store.replay();
    expect(store.appended).toEqual(once);
    await store.replay();
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('D2 with another reason holds what the adapter read and the router rejected, as it was read', async () => {
    const ahead = [passed('a', 'in', 1), passed('a', 'in', 7_200), passed('b', 'out', 7_201)];
    const store = new ReplayStore(payloadLetter({ reason: 'future', index: 1, items: 2 }, ahead));
    store.configure('mapping', NARROW, NOW - HOUR);
    store.configure('mapping', { ...NARROW, reversed: true }, AFTER);
    expect(await store.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 2, skippedItems: 0 });
    expect(store.appended).toEqual([
      `shop/a {"dpu_id":"shop/a","timestamp":"${at(0)}","direction":1}`,
      `shop/b {"dpu_id":"shop/b","timestamp":"${at(1)}","direction":-1}`,
    ]);
    const fewer = new ReplayStore(payloadLetter({ reason: 'future', index: 1, items: 3 }, ahead));
    fewer.configure('mapping', NARROW, NOW - HOUR);
    expect(await fewer.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 0, skippedItems: 3 });
  });

  it('becomes readings of another DPU unless it is of several', async () => {
    const store = new ReplayStore(payloadLetter({ index: 0 }));
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay({ dpuId: '8' as DpuId })).toMatchObject({
      readings: 0,
      skipped: [{ detail: expect.stringContaining('of several DPUs') as string }],
    });
    const one = new ReplayStore(payloadLetter({ index: 0 }, PAYLOAD.slice(0, 1)));
    one.configure('mapping', WIDE, AFTER);
    await one.replay({ dpuId: '8' as DpuId, shiftMs: 1_000 });
    expect(one.appended).toEqual([`8 {"timestamp":"${at(2)}","direction":1}`]);
  });

  it.each([
    ['that was cut', payloadLetter({ index: 0, isCut: true })],
    ['of a line', payloadLetter({ subject: 'readings.0.shop=2Fa.mapping', reason: 'bad_dpu_id', items: 1 })],
    ['of nobody', payloadLetter({ subject: 'readings.0.a//b.mapping', reason: 'bad_dpu_id', items: 1 })],
    [
      'that looks like a reading',
      payloadLetter(
        { subject: 'readings.0.shop=2Fa.density', reason: 'bad_dpu_id', items: 1 },
        { timestamp: new Date(NOW).toISOString(), direction: 1 },
      ),
    ],
  ])('is not replayed: one %s', async (_, some) => {
    const store = new ReplayStore(some);
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay()).toMatchObject({ letters: 1, readings: 0, skippedItems: 1 });
    expect(store.appended).toEqual([]);
  });
});

/** The adapter of a later version makes something else of the same payload. */
function upgrade(change: (read: AdaptedPayload) => AdaptedPayload): void {
  const mapping = ADAPTERS.get('mapping');
  if (!mapping) throw new Error('there is no adapter of this name');
  const { configure } = mapping;
  vi.spyOn(mapping, 'configure').mockImplementation((options) => {
    const configured = configure(options);
    return configured.ok
      ? { ok: true, adapt: (payload, context) => change(configured.adapt(payload, context)) }
      : configured;
  });
}

const reversed = ({ dpuId, reading }: AdaptedPayload['readings'][number]): AdaptedPayload['readings'][number] =>
  'direction' in reading
    ? { dpuId, reading: { ...reading, direction: reading.direction === 1 ? -1 : 1 } }
    : { dpuId, reading };

describe('the letter of a payload that another version of an adapter reads differently', () => {
  const untimed = Object.fromEntries(Object.entries(NARROW).filter(([name]) => name !== 'time'));
  const items = [1, 2].map((second) => passed('a', 'in', second));

  it.each([
    [
      'one reading is read differently',
      (read: AdaptedPayload) => ({
        ...read,
        readings: [...read.readings.slice(0, -1), ...read.readings.slice(-1).map(reversed)],
      }),
    ],
    [
      'more is read',
      (read: AdaptedPayload) => ({ ...read, readings: [...read.readings.map(reversed), ...read.readings] }),
    ],
    ['less is read', (read: AdaptedPayload) => ({ ...read, readings: read.readings.slice(1) })],
  ])('D2 is not replayed again where %s, and is again where the payload is read as before', async (_, change) => {
    const store = new ReplayStore();
    expect(store.arrive('mapping', items)).toEqual(['bad_payload']);
    store.configure('mapping', untimed, AFTER);
    // The process dies after a part of it.
    store.refuses = 1;
    await expect(store.replay()).rejects.toThrow('READINGS is unavailable');
    upgrade(change);
    // A configuration is kept while the facts stay the same, so that of the earlier version would be used again.
    store.configure('mapping', { ...untimed }, AFTER + 1);
    expect(await store.replay()).toMatchObject({
      readings: 0,
      skipped: [{ detail: expect.stringContaining(OTHERWISE) as string }],
    });
    expect(store.appended).toEqual([]);
    vi.restoreAllMocks();
    store.configure('mapping', { ...untimed }, AFTER + 2);
    expect(await store.replay()).toMatchObject({ readings: 2, skippedItems: 0 });
    expect(store.appended).toHaveLength(2);
  });

  it('D2 is replayed if what it holds is still read the same', async () => {
    const store = new ReplayStore();
    store.arrive('mapping', items);
    store.configure('mapping', NARROW, AFTER);
    await store.replay();
    const once = [...store.appended];
    store.configure('mapping', { ...WIDE, lines: { z: 'north' } }, AFTER + 1);
    expect(await store.replay()).toMatchObject({ readings: 2, skippedItems: 0 });
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('D2 is not replayed if other readings than those that counted are read with the options of then', async () => {
    const store = new ReplayStore();
    store.configure('mapping', NARROW, BEFORE);
    store.arrive('mapping', [...items, passed('b', 'IN', 3)]);
    // As many readings as before, and the third item is one of them.
    upgrade(({ readings: [first, ...others], rejected, skipped }) => ({
      readings: first ? [...others, { ...first, dpuId: 'shop/b' }] : [],
      rejected,
      skipped,
    }));
    store.configure('mapping', { ...NARROW }, BEFORE);
    store.configure('mapping', WIDE, AFTER);
    expect((await store.replay()).skipped).toMatchObject([
      { detail: expect.stringContaining('it is not known what of it has counted') as string },
    ]);
  });
});
