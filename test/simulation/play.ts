// Scenarios written by hand, with short helpers to write and run them.
import { expect } from 'vitest';
import type { DpuId, SpaceId } from '../../src/domain/ids.ts';
import { Random } from './random.ts';
import type { Action, Scenario } from './scenario.ts';
import { Verdict } from './verdict.ts';
import { World } from './world.ts';

/** Two days before Europe's clocks go forward. */
export const START_MS = Date.UTC(2024, 2, 29, 12);
const iso = (ms: number): string => new Date(ms).toISOString();
export const at = (clock: string): number => Date.parse(`2024-03-29T${clock}Z`);

const SETTINGS = {
  outOfOrdernessMs: 1_000,
  idleTimeoutMs: 10_000,
  blockRowsMax: 2,
  blockAgeMaxMs: 0,
  lateBlockAgeMaxMs: 0,
  bufferEventsMax: 1_000,
};

interface Told {
  count(space: number, atMs: number): Promise<[count: number, net: number]>;
  /** -1 where there is none. */
  lastReadingMs(space: number, atMs: number): Promise<number>;
}

/**
 * Runs it on one shard and on three, without and with faults: the oracle must agree, and then `check` reads the counts.
 */
export async function play(actions: readonly Action[], check: (told: Told) => Promise<void>): Promise<void> {
  for (const [partitions, failureRate] of [
    [1, 0],
    [3, 0],
    [3, 0.05],
  ] as const) {
    const scenario: Scenario = {
      seed: 11 + partitions,
      partitions,
      startMs: START_MS,
      settings: SETTINGS,
      failureRate,
      pageReadings: 2,
      commitItems: 100,
      isTopologyQuiet: false,
      hasLosses: false,
      leases: 'kept',
      isPersonPatient: true,
      actions: [{ kind: 'start' }, ...actions],
    };
    const world = new World(scenario);
    await world.run();
    const process = await world.settle();
    expect([
      ...world.witness.objections,
      ...world.engines.tables.objections,
      ...world.engines.streams.objections,
      ...(await new Verdict(world, process).reach(new Random(1))),
    ]).toEqual([]);
    await check({
      count: async (space, atMs) => {
        const { count, net } = await world.finish(process.counts.at(space as SpaceId, atMs));
        return [count, net];
      },
      lastReadingMs: async (space, atMs) =>
        (await world.finish(process.counts.at(space as SpaceId, atMs))).lastReadingMs,
    });
  }
}

export const space = (name: string, more: { timeZone?: string; dailyReset?: string } = {}): Action => ({
  kind: 'space',
  name,
  timeZone: more.timeZone ?? 'UTC',
  dailyReset: more.dailyReset ?? null,
});
export const doorway = (name: string, ingress: number | null, egress: number | null): Action => ({
  kind: 'doorway',
  name,
  ingress,
  egress,
});
export const dpu = (id: string, to: number, effectiveMs?: number): Action => ({
  kind: 'dpu',
  dpuId: id as DpuId,
  doorway: to,
  ...(effectiveMs === undefined ? {} : { effectiveMs }),
});
export const move = (id: string, to: number | null, effectiveMs?: number): Action => ({
  kind: 'move',
  dpuId: id as DpuId,
  doorway: to,
  ...(effectiveMs === undefined ? {} : { effectiveMs }),
});
export const reset = (of: number, timestampMs: number, count: number): Action => ({
  kind: 'reset',
  space: of,
  timestampMs,
  count,
});
export const exclude = (id: string, fromMs: number, toMs: number): Action => ({
  kind: 'exclude',
  dpuId: id as DpuId,
  fromMs,
  toMs,
});
export const include = (id: string, exclusion: number): Action => ({
  kind: 'include',
  dpuId: id as DpuId,
  id: exclusion,
});
/** @param what as in `identityOf` of a reading: its measure, and its name if it has one */
export const deleteReading = (id: string, timestampMs: number, what: string): Action => ({
  kind: 'deleteReading',
  which: `${id}~${timestampMs}~${what}`,
});
export const restoreReading = (id: string, timestampMs: number, what: string): Action => ({
  kind: 'restoreReading',
  which: `${id}~${timestampMs}~${what}`,
});
export const wait = (ms: number): Action => ({ kind: 'sleep', ms });
export const pass = (
  id: string,
  ...readings: readonly (readonly [ms: number, direction: 1 | -1, name?: string])[]
): Action => ({
  kind: 'publish',
  dpuId: id as DpuId,
  text: JSON.stringify(
    readings.map(([ms, direction, name]) => ({
      timestamp: iso(ms),
      direction,
      ...(name === undefined ? {} : { id: name }),
    })),
  ),
});
/** How many passed, or where the counters stood. */
export const report = (id: string, timestampMs: number, what: object): Action => ({
  kind: 'publish',
  dpuId: id as DpuId,
  text: JSON.stringify({ timestamp: iso(timestampMs), ...what }),
});
/** Spaces A (1) and B (2); doorways: 1 into A from outside, 2 into B from A, 3 into B from outside. */
export const BUILDING = [
  space('A'),
  space('B'),
  doorway('in', 1, null),
  doorway('between', 2, 1),
  doorway('back', 2, null),
];
export const HOUR = 3_600_000;
