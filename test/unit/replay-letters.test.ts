// Replaying dead letters, on a store and a log in memory.
import { describe, expect, it } from 'vitest';
import type { DpuId } from '../../src/domain/ids.ts';
import { HOUR, letter, NOW, ReplayStore } from '../support/replay-store.ts';

const person = (ms: number, fields: object = {}): object => ({
  timestamp: new Date(ms).toISOString(),
  direction: 1,
  ...fields,
});

describe('a dead letter', () => {
  it('D2 is replayed with its timestamps shifted', async () => {
    const store = new ReplayStore(
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
    const store = new ReplayStore(letter([person(NOW + HOUR)]));
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
    const store = new ReplayStore(letter([person(NOW + HOUR)]));
    store.refuses = 1;
    await expect(store.replay({ shiftMs: -HOUR })).rejects.toThrow('READINGS is unavailable');
    store.refuses = 0;
    expect(await store.replay({ shiftMs: -2 * HOUR })).toMatchObject({ readings: 0, skippedItems: 1 });
    expect(store.appended).toEqual([]);
    expect(await store.replay({ shiftMs: -HOUR })).toMatchObject({ readings: 1 });
  });

  it('D2 without timestamps counts when it arrived, each item once', async () => {
    const store = new ReplayStore(letter([{ direction: 1 }, { direction: 1 }, { direction: 1, id: 'a' }]));
    await store.replay({ shiftMs: -HOUR });
    await store.replay({ shiftMs: -HOUR });
    const at = new Date(NOW - 1_000).toISOString();
    const once = ['replay_17_2_0', 'replay_17_2_1', 'a'].map(
      (id) => `7 {"timestamp":"${at}","direction":1,"id":"${id}"}`,
    );
    expect(store.appended).toEqual([...once, ...once]);
  });

  it('becomes readings of another DPU, whatever its items say', async () => {
    const store = new ReplayStore(letter([person(NOW, { dpu_id: '9' })], { reason: 'bad_dpu_id' }));
    expect(await store.replay()).toMatchObject({ readings: 0, skippedItems: 1 });
    // Nothing was replayed, so nothing is decided.
    expect(store.records.size).toBe(0);
    expect(await store.replay({ dpuId: '9' as DpuId })).toMatchObject({ readings: 1 });
    expect(store.appended).toEqual([`9 {"timestamp":"${new Date(NOW).toISOString()}","direction":1}`]);
  });

  it('of a subject without a DPU is replayed for the one that its items name', async () => {
    const store = new ReplayStore(letter([person(NOW, { dpu_id: 'a.b' })], { subject: 'readings.0.a//b.readings' }));
    expect(await store.replay({ sentBy: 'a//b' })).toMatchObject({ letters: 1, readings: 1 });
    expect(store.appended[0]).toMatch(/^a\.b /);
  });

  it('is not replayed where it would be rejected again, and says so', async () => {
    const store = new ReplayStore(letter([person(NOW + 2 * HOUR), person(NOW + HOUR), { direction: 5 }]));
    expect(await store.replay({ shiftMs: -HOUR })).toEqual({
      letters: 1,
      readings: 1,
      skippedItems: 2,
      skipped: [
        { letterId: 'future.17.2', items: 2, detail: expect.stringContaining('too far in the future') as string },
      ],
    });
    // A shift the wrong way.
    expect(await new ReplayStore(letter([person(NOW)])).replay({ shiftMs: -60 * 366 * 24 * HOUR })).toMatchObject({
      readings: 0,
      skippedItems: 1,
    });
    const early = letter([{ entrances: 1, exits: 0, start: NOW }]);
    expect(await new ReplayStore(early).replay()).toMatchObject({ readings: 0, skippedItems: 1 });
  });

  it.each([
    ['a truncated letter', letter([person(NOW), person(NOW)], { items: 900, isCut: true }), 900],
    ['a heartbeat', letter([person(NOW)], { subject: 'readings.0.7.heartbeat' }), 1],
    ['what is not JSON', letter('[{"timestamp"', { reason: 'bad_json' }), 1],
    ['what is no object', letter([[person(NOW)]]), 1],
  ])('is not replayed: %s', async (_, some, items) => {
    const store = new ReplayStore(some);
    expect(await store.replay()).toMatchObject({ letters: 1, readings: 0, skippedItems: items });
    expect(store.appended).toEqual([]);
  });

  it('with the NUL of firmware in C is replayed', async () => {
    expect(await new ReplayStore(letter(`${JSON.stringify(person(NOW))}\0`)).replay()).toMatchObject({ readings: 1 });
  });

  it('of another sender is left alone', async () => {
    const store = new ReplayStore(letter([person(NOW)]), letter([person(NOW)], { subject: 'readings.1.8.status' }));
    expect(await store.replay({ sentBy: '8' })).toMatchObject({ letters: 1, readings: 1 });
    expect(store.appended[0]).toMatch(/^8 /);
  });

  it('is untouched by a dry run', async () => {
    const store = new ReplayStore(letter([person(NOW)]));
    expect(await store.replay({ isDryRun: true })).toMatchObject({ letters: 1, readings: 1 });
    expect([store.appended.length, store.records.size]).toEqual([0, 0]);
  });
});
