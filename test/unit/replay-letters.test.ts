// Replaying dead letters, on a store and a log in memory.
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { TopologyHistory } from '../../src/domain/topology-history.ts';
import { letterIdOf, type KeptLetter, type RecordedReplay } from '../../src/ports/dead-letters.ts';
import { replayLetters, type ReplayRequest, type ReplayResult } from '../../src/publishing/replay-letters.ts';
import { TimestampBound } from '../../src/publishing/timestamp-bound.ts';

const NOW = Date.UTC(2026, 10, 24, 9);
const HOUR = 3_600_000;
const ALL: ReplayRequest = { shiftMs: 0, dpuId: null, isDryRun: false };

const letter = (items: readonly unknown[] | string, some: Partial<KeptLetter> = {}): KeptLetter => ({
  reason: 'future',
  detail: '',
  subject: 'readings.0.7.readings',
  readingsSeq: 17,
  index: 2,
  arrivedMs: NOW - 1_000,
  items: typeof items === 'string' ? 1 : items.length,
  isCut: false,
  raw: new TextEncoder().encode(
    typeof items === 'string' ? items : JSON.stringify(items.length === 1 ? items[0] : items),
  ),
  storedMs: NOW - 900,
  ...some,
});

class Store {
  readonly letters: readonly KeptLetter[];
  readonly records = new Map<string, RecordedReplay>();
  /** What READINGS got, as `dpu reading`. */
  readonly appended: string[] = [];
  /** The log refuses this many messages. */
  refuses = 0;
  readonly history = new TopologyHistory();

  constructor(...letters: readonly KeptLetter[]) {
    this.letters = letters;
  }

  /** Sets options of the device `shop`; null deletes it. */
  configure(adapter: string, options: Record<string, unknown> | null, storedMs: number): void {
    const doc = { id: 'shop' as DpuId, adapter, options, createdMs: 0, updatedMs: 0, deleted: options === null };
    this.history.apply({ seq: this.history.seq + 1, fact: { kind: 'device', doc }, storedMs });
  }

  async replay(request: Partial<ReplayRequest> = {}): Promise<ReplayResult> {
    const { letters, records } = this;
    return replayLetters(
      { ...ALL, ...request },
      {
        deadLetters: {
          async *letters() {
            yield* letters;
          },
          recordReplay: async (key, replay) => {
            const recorded = records.get(letterIdOf(key)) ?? replay;
            records.set(letterIdOf(key), recorded);
            return recorded;
          },
        },
        log: {
          append: async (dpuId, data) => {
            if (this.refuses-- > 0) throw new Error('READINGS is unavailable');
            for (const reading of JSON.parse(new TextDecoder().decode(data)) as object[])
              this.appended.push(`${dpuId} ${JSON.stringify(reading)}`);
          },
        },
        topology: { history: this.history, catchUp: async () => undefined },
        bound: new TimestampBound(0, 'key'),
        now: () => NOW,
        retry: { retries: 0 },
      },
    );
  }
}

const person = (ms: number, fields: object = {}): object => ({
  timestamp: new Date(ms).toISOString(),
  direction: 1,
  ...fields,
});

describe('a dead letter', () => {
  it('D2 is replayed with its timestamps shifted', async () => {
    const store = new Store(
      letter([
        person(NOW + HOUR),
        { timestamp: NOW + HOUR, entrances: 2, exits: 1, start: NOW, id: 'a' },
        { timestamp: String(NOW + HOUR), total_entrances: 5, total_exits: 3 },
      ]),
    );
    expect(await store.replay({ shiftMs: -HOUR })).toEqual({ letters: 1, readings: 3, skipped: [], skippedItems: 0 });
    const [at, start] = [new Date(NOW).toISOString(), new Date(NOW - HOUR).toISOString()];
    expect(store.appended).toEqual([
      `7 {"timestamp":"${at}","direction":1}`,
      `7 {"timestamp":"${at}","entrances":2,"exits":1,"start":"${start}","id":"a"}`,
      `7 {"timestamp":"${at}","total_entrances":5,"total_exits":3}`,
    ]);
  });

  it('D2 is replayed in one way only', async () => {
    const store = new Store(letter([person(NOW + HOUR)]));
    await store.replay({ shiftMs: -HOUR });
    const [appended] = store.appended;
    for (const other of [{ shiftMs: -2 * HOUR }, { shiftMs: -HOUR, dpuId: '8' as DpuId }]) {
      expect(await store.replay(other)).toMatchObject({ readings: 0, skippedItems: 1 });
      expect((await store.replay(other)).skipped).toEqual([
        { letterId: 'future.17.2', items: 1, detail: 'it was replayed before, with a shift of -3600000 ms' },
      ]);
    }
    // The same again is the same reading.
    expect(await store.replay({ shiftMs: -HOUR })).toMatchObject({ readings: 1, skippedItems: 0 });
    expect(store.appended).toEqual([appended, appended]);
  });

  it('D2 counts once also if the process died before READINGS had it, and others try another shift then', async () => {
    const store = new Store(letter([person(NOW + HOUR)]));
    store.refuses = 1;
    await expect(store.replay({ shiftMs: -HOUR })).rejects.toThrow('READINGS is unavailable');
    store.refuses = 0;
    expect(await store.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 0, skippedItems: 1 });
    expect(store.appended).toEqual([]);
    expect(await store.replay({ shiftMs: -HOUR })).toMatchObject({ readings: 1 });
  });

  it('D2 without timestamps counts when it arrived, each item once', async () => {
    const store = new Store(letter([{ direction: 1 }, { direction: 1 }, { direction: 1, id: 'a' }]));
    await store.replay({ shiftMs: -HOUR });
    await store.replay({ shiftMs: -HOUR });
    const at = new Date(NOW - 1_000).toISOString();
    const once = ['replay_17_2_0', 'replay_17_2_1', 'a'].map(
      (id) => `7 {"timestamp":"${at}","direction":1,"id":"${id}"}`,
    );
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('becomes readings of another DPU, whatever its items say', async () => {
    const store = new Store(letter([person(NOW, { dpu_id: '9' })], { reason: 'bad_dpu_id' }));
    expect(await store.replay()).toMatchObject({ readings: 0, skippedItems: 1 });
    // Nothing was replayed, so nothing is decided.
    expect(store.records.size).toBe(0);
    expect(await store.replay({ dpuId: '9' as DpuId })).toMatchObject({ readings: 1 });
    expect(store.appended).toEqual([`9 {"timestamp":"${new Date(NOW).toISOString()}","direction":1}`]);
  });

  it('of a subject without a DPU is replayed for the one that its items name', async () => {
    const store = new Store(letter([person(NOW, { dpu_id: 'a.b' })], { subject: 'readings.0.a//b.readings' }));
    expect(await store.replay({ sentBy: 'a//b' })).toMatchObject({ letters: 1, readings: 1 });
    expect(store.appended[0]).toMatch(/^a\.b /);
  });

  it('is not replayed where it would be rejected again, and says so', async () => {
    const store = new Store(letter([person(NOW + 2 * HOUR), person(NOW + HOUR), { direction: 5 }]));
    expect(await store.replay({ shiftMs: -HOUR })).toEqual({
      letters: 1,
      readings: 1,
      skippedItems: 2,
      skipped: [
        { letterId: 'future.17.2', items: 2, detail: expect.stringContaining('too far in the future') as string },
      ],
    });
    // A shift the wrong way.
    expect(await new Store(letter([person(NOW)])).replay({ shiftMs: -60 * 366 * 24 * HOUR })).toMatchObject({
      readings: 0,
      skippedItems: 1,
    });
    const early = letter([{ entrances: 1, exits: 0, start: NOW }]);
    expect(await new Store(early).replay()).toMatchObject({ readings: 0, skippedItems: 1 });
  });

  it.each([
    ['a truncated letter', letter([person(NOW), person(NOW)], { items: 900, isCut: true }), 900],
    ['a heartbeat', letter([person(NOW)], { subject: 'readings.0.7.heartbeat' }), 1],
    ['what is not JSON', letter('[{"timestamp"', { reason: 'bad_json' }), 1],
    ['what is no object', letter([[person(NOW)]]), 1],
  ])('is not replayed: %s', async (_, some, items) => {
    const store = new Store(some);
    expect(await store.replay()).toMatchObject({ letters: 1, readings: 0, skippedItems: items });
    expect(store.appended).toEqual([]);
  });

  it('with the NUL of firmware in C is replayed', async () => {
    expect(await new Store(letter(`${JSON.stringify(person(NOW))}\0`)).replay()).toMatchObject({ readings: 1 });
  });

  it('of another sender is left alone', async () => {
    const store = new Store(letter([person(NOW)]), letter([person(NOW)], { subject: 'readings.1.8.status' }));
    expect(await store.replay({ sentBy: '8' })).toMatchObject({ letters: 1, readings: 1 });
    expect(store.appended[0]).toMatch(/^8 /);
  });

  it('is untouched by a dry run', async () => {
    const store = new Store(letter([person(NOW)]));
    expect(await store.replay({ isDryRun: true })).toMatchObject({ letters: 1, readings: 1 });
    expect([store.appended.length, store.records.size]).toEqual([0, 0]);
  });
});

describe('the letter of a payload', () => {
  const NARROW = {
    kind: 'event',
    line: '@.line',
    time: '@.at',
    direction: { path: '@.d', entrance: ['in'], exit: ['out'] },
  };
  const WIDE = { ...NARROW, direction: { ...NARROW.direction, entrance: ['in', 'IN'] } };
  const at = (second: number): string => new Date(NOW - HOUR + second * 1_000).toISOString();
  const passed = (line: string, d: string, second: number): object => ({ line, d, at: at(second) });
  const PAYLOAD = [passed('a', 'in', 1), passed('b', 'IN', 2), passed('a', 'out', 3)];
  const payloadLetter = (some: Partial<KeptLetter>, payload: unknown = PAYLOAD): KeptLetter => ({
    ...letter(JSON.stringify(payload)),
    reason: 'bad_payload',
    subject: 'readings.0.shop.mapping',
    ...some,
  });
  const AFTER = NOW - 500;
  const [FIRST, SECOND, THIRD] = [
    `shop/a {"dpu_id":"shop/a","timestamp":"${at(1)}","direction":1}`,
    `shop/b {"dpu_id":"shop/b","timestamp":"${at(2)}","direction":1}`,
    `shop/a {"dpu_id":"shop/a","timestamp":"${at(3)}","direction":-1}`,
  ];

  it('D2 is read with the options of now, where nothing of it could be read', async () => {
    const store = new Store(payloadLetter({ index: 0 }));
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
    const store = new Store(payloadLetter({ index: 2 }));
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
    const store = new Store(payloadLetter({ index: 2 }));
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
    const store = new Store(payloadLetter({ index: 1 }));
    store.configure('mapping', NARROW, NOW - HOUR);
    store.configure('mapping', WIDE, AFTER);
    expect((await store.replay()).skipped).toMatchObject([
      { detail: expect.stringContaining('it is not known what of it has counted') as string },
    ]);
  });

  it('D2 is replayed with one set of options only', async () => {
    const store = new Store(payloadLetter({ index: 0 }));
    store.configure('mapping', WIDE, AFTER);
    store.refuses = 1;
    await expect(store.replay()).rejects.toThrow('READINGS is unavailable');
    store.configure('mapping', { ...WIDE, reversed: true }, AFTER + 1);
    store.refuses = 0;
    expect(await store.replay()).toMatchObject({
      readings: 0,
      skipped: [{ detail: 'it was replayed before, with a shift of 0 ms, and with other options of the device' }],
    });
    store.configure('xovis', {}, AFTER + 2);
    store.configure('mapping', WIDE, AFTER + 3);
    expect(await store.replay()).toMatchObject({ readings: 3 });
    expect(new Set(store.appended)).toEqual(new Set([FIRST, SECOND, THIRD]));
  });

  it('D2 without times counts when it arrived, and what has counted does not count again', async () => {
    const untimed = (options: typeof NARROW): Record<string, unknown> =>
      JSON.parse(JSON.stringify({ ...options, time: undefined })) as Record<string, unknown>;
    const store = new Store(payloadLetter({ index: 2 }, [...PAYLOAD, passed('b', 'IN', 9)]));
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
    const store = new Store(payloadLetter({ reason: 'future', index: 1, items: 2 }, ahead));
    store.configure('mapping', NARROW, NOW - HOUR);
    store.configure('mapping', { ...NARROW, reversed: true }, AFTER);
    expect(await store.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 2, skippedItems: 0 });
    expect(store.appended).toEqual([
      `shop/a {"dpu_id":"shop/a","timestamp":"${at(0)}","direction":1}`,
      `shop/b {"dpu_id":"shop/b","timestamp":"${at(1)}","direction":-1}`,
    ]);
    const fewer = new Store(payloadLetter({ reason: 'future', index: 1, items: 3 }, ahead));
    fewer.configure('mapping', NARROW, NOW - HOUR);
    expect(await fewer.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 0, skippedItems: 3 });
  });

  it('becomes readings of another DPU unless it is of several', async () => {
    const store = new Store(payloadLetter({ index: 0 }));
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay({ dpuId: '8' as DpuId })).toMatchObject({
      readings: 0,
      skipped: [{ detail: expect.stringContaining('of several DPUs') as string }],
    });
    const one = new Store(payloadLetter({ index: 0 }, PAYLOAD.slice(0, 1)));
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
      payloadLetter({ subject: 'readings.0.shop=2Fa.density', reason: 'bad_dpu_id', items: 1 }, person(NOW)),
    ],
  ])('is not replayed: one %s', async (_, some) => {
    const store = new Store(some);
    store.configure('mapping', WIDE, AFTER);
    expect(await store.replay()).toMatchObject({ letters: 1, readings: 0, skippedItems: 1 });
    expect(store.appended).toEqual([]);
  });
});
