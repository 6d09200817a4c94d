// Which messages are read to find those that READINGS does not return, and which of them are reported.
import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadableReadings } from '../../src/recovery/unreadable-readings.ts';

describe('messages that READINGS does not return', () => {
  let missing: number[];
  let reports: object[];
  let read: [afterSeq: number, toSeq: number][];
  let isAway: boolean;
  let storedSeq: number;
  let unreadable: UnreadableReadings;

  beforeEach(() => {
    [missing, reports, read, isAway, storedSeq] = [[], [], [], false, Infinity];
    unreadable = new UnreadableReadings({
      readings: {
        unreadable: async (afterSeq, toSeq) => {
          if (isAway) throw new Error('away');
          read.push([afterSeq, toSeq]);
          return missing.filter((seq) => seq > afterSeq && seq <= toSeq);
        },
        at: async (seq) => ({ seq, timeMs: seq * 1_000, subject: '', data: new Uint8Array() }),
      },
      records: {
        reports: async () => reports.map((report) => ({ epoch: 1, atMs: 0, report: JSON.stringify(report) })),
      },
      storedSeq: async () => storedSeq,
    });
  });

  it('L3 are looked for once after each connection, among those that were not routed at the inspection before it', async () => {
    expect(await unreadable.unreported(100, 150)).toEqual([]);
    expect(await unreadable.unreported(120, 180)).toEqual([]);
    unreadable.lookAgain();
    missing = [121];
    // The routers have already passed over the message.
    expect(await unreadable.unreported(200, 220)).toEqual([[121, 121]]);
    expect(read).toEqual([
      [100, 150],
      [120, 220],
    ]);
  });

  it('are found again until a repair has reported them', async () => {
    missing = [5, 6, 9];
    const ranges = [
      [5, 6],
      [9, 9],
    ];
    expect(await unreadable.unreported(0, 9)).toEqual(ranges);
    expect(await unreadable.unreported(0, 20)).toEqual(ranges);
    unreadable.lookAgain();
    expect(await unreadable.unreported(12, 20)).toEqual(ranges);
    const report = await unreadable.report();
    expect(report).toEqual({ messages: 3, ranges, fromMs: 4_000, toMs: 10_000 });
    // Repairs of earlier versions reported none.
    reports = [{}, { unreadable: report }];
    expect(await unreadable.unreported(12, 20)).toEqual([]);
    expect(await unreadable.report()).toBe(undefined);
    unreadable.lookAgain();
    missing = [5, 6, 9, 15];
    expect(await unreadable.unreported(12, 20)).toEqual([[15, 15]]);
    expect(read.at(-1)).toEqual([12, 20]);
  });

  it('are looked for among those that may not have been routed', async () => {
    missing = [85, 101, 105];
    storedSeq = 90;
    expect(await unreadable.unreported(100, 150)).toEqual([
      [101, 101],
      [105, 105],
    ]);
    expect(await unreadable.report()).toMatchObject({ messages: 2 });
    expect(read).toEqual([[90, 150]]);
    unreadable.lookAgain();
    storedSeq = 80;
    expect(await unreadable.unreported(103, 150)).toHaveLength(2);
    expect(read.at(-1)).toEqual([100, 150]);
    expect(await unreadable.report()).toMatchObject({ messages: 2, fromMs: 100_000 });
  });

  it('are looked for where a router may have passed over them, or has lost its commits', async () => {
    missing = [];
    storedSeq = 90;
    expect(await unreadable.unreported(100, 150)).toEqual([]);
    missing = [85, 101, 105];
    unreadable.lookAgain();
    expect(await unreadable.unreported(110, 150)).toEqual([
      [101, 101],
      [105, 105],
    ]);
    unreadable.lookAgain();
    expect(await unreadable.unreported(84, 150)).toHaveLength(3);
  });

  it('may be lost if this process does not know whether a router has skipped them', async () => {
    missing = [95, 105];
    storedSeq = 90;
    expect(await unreadable.unreported(110, 150)).toHaveLength(2);
    expect(await unreadable.report()).toMatchObject({ messages: 2 });
  });

  it('are looked for in slices, one at each inspection', async () => {
    missing = [450_001];
    expect(await unreadable.unreported(100, 500_000)).toEqual([]);
    isAway = true;
    await expect(unreadable.unreported(300_000, 600_000)).rejects.toThrow('away');
    isAway = false;
    expect(await unreadable.unreported(300_000, 600_000)).toEqual([]);
    expect(await unreadable.unreported(300_000, 600_000)).toEqual([[450_001, 450_001]]);
    expect(await unreadable.unreported(300_000, 600_000)).toEqual([[450_001, 450_001]]);
    expect(read).toEqual([
      [100, 200_100],
      [200_100, 400_100],
      [400_100, 500_000],
    ]);
  });
});
