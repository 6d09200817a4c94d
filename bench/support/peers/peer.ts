// What the benchmark asks of every system that it compares.
import type { CpuMeter } from '../cpu.ts';
import type { Reading } from './crowd.ts';

export interface Peer {
  readonly name: string;
  /** How it stores, and when it acknowledges. */
  readonly design: string;
  /** Measures all processes of its servers from now on. Clients are not included. */
  meter(): CpuMeter;
  /** The body of an insert. It is made beforehand, because its cost is that of the client. */
  encode(readings: readonly Reading[]): string;
  /** Resolves once the readings are acknowledged. */
  insertMany(body: string): Promise<void>;
  /** Resolves once the reading is acknowledged. @param client clients insert at the same time, each one reading after another */
  insertOne(client: number, reading: Reading): Promise<void>;
  /** Waits until every answer includes all readings. @param readings the number of different readings sent so far */
  untilCounted(readings: number): Promise<void>;
  /** Waits for the work that follows in the background. @param untilMs when the last of the readings was */
  untilStored(readings: number, untilMs: number): Promise<void>;
  countNow(space: number): Promise<number>;
  countAt(space: number, atMs: number): Promise<number>;
  /** The count at the end of each quarter of an hour of a day. The answer also has entrances and exits. */
  countsOfDay(space: number, startMs: number): Promise<readonly number[]>;
  /** From `fromMs` on, a DPU was at the door of another one. */
  move(dpu: number, toDoorOfDpu: number, fromMs: number): Promise<void>;
  /** Without logs of transactions. */
  bytesStored(): Promise<number>;
}

export const QUARTER_MS = 900_000;
export const QUARTERS = 96;
/** How many clients insert single readings at the same time. */
export const CLIENTS = 8;

/**
 * @param found the count at the end of the quarters in which somebody passed
 * @returns those of all quarters, for a day before which nobody was there
 */
export function allQuarters(found: ReadonlyMap<number, number>): number[] {
  let count = 0;
  return Array.from({ length: QUARTERS }, (_, quarter) => (count = found.get(quarter) ?? count));
}
