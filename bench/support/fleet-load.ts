// What a fleet publishes: single readings by the curve of a day, and after an outage arrays of what was not sent.
import { setTimeout as sleep } from 'node:timers/promises';
import { formatInstant } from '../../src/domain/instant.ts';
import { readingSubject } from '../../src/nats/streams.ts';
import type { CountedPublisher } from './counted-publisher.ts';
import { spaceOfDpu, type Fleet } from './fleet-building.ts';
import type { Heard } from './heard.ts';

const STEP_MS = 2;
/** Prime, so that it visits all DPUs in turns, and neighbours do not follow each other. */
const STRIDE = 7_919;
/** Different arrays, each of which some of the DPUs send. */
const VARIANTS = 480;
const OUTAGE_MS = 8 * 3_600_000;
const ARRAYS_IN_FLIGHT_MAX = 500;

const directionOf = (nth: number): 1 | -1 => (nth % 3 === 0 ? -1 : 1);

export class FleetLoad {
  readonly #fleet: Fleet;
  readonly #heard: Heard;
  readonly #net: Int32Array;
  /** Readings. */
  published = 0;

  constructor(fleet: Fleet, heard: Heard) {
    [this.#fleet, this.#heard] = [fleet, heard];
    // Ids of spaces begin with 1.
    this.#net = new Int32Array(fleet.spaces + 1);
  }

  /** The sum of the published directions by space. */
  get net(): Int32Array {
    return this.#net;
  }

  /**
   * Open loop: sends what is due, however long others take.
   * @param due how many readings are due after so many milliseconds @param among the DPUs that send, by their number
   * @returns the maximum delay of sending in milliseconds
   */
  async publishSingly(
    publisher: CountedPublisher,
    lengthMs: number,
    due: (passedMs: number) => number,
    among: readonly number[],
  ): Promise<number> {
    const startedAt = performance.now();
    let [sent, lookedAtMs, latestMs] = [0, 0, 0];
    while (lookedAtMs < lengthMs) {
      const passedMs = Math.min(performance.now() - startedAt, lengthMs);
      const wanted = Math.floor(due(passedMs));
      // What became due right after the last look waited the longest.
      if (sent < wanted) latestMs = Math.max(latestMs, passedMs - lookedAtMs);
      for (; sent < wanted; sent++) this.#publishOne(publisher, among[(this.published * STRIDE) % among.length] ?? 0);
      lookedAtMs = passedMs;
      await sleep(STEP_MS);
    }
    return latestMs;
  }

  /** As fast as the server acknowledges: an array of each DPU with its readings of the last eight hours. */
  async publishOutage(publisher: CountedPublisher, dpus: readonly number[], readings: number): Promise<void> {
    const everyMs = OUTAGE_MS / readings;
    const startMs = Date.now() - OUTAGE_MS;
    const arrays = Array.from({ length: VARIANTS }, (_, variant) => {
      const atMs = (nth: number): number => Math.floor(startMs + (nth + variant / VARIANTS) * everyMs);
      const items = Array.from(
        { length: readings },
        (_, nth) => `{"timestamp":"${formatInstant(atMs(nth))}","direction":${directionOf(nth)}}`,
      );
      return `[${items.join(',')}]`;
    });
    const net = Array.from({ length: readings }, (_, nth) => directionOf(nth)).reduce<number>((a, b) => a + b, 0);
    for (const [n, dpu] of dpus.entries()) {
      publisher.publish(readingSubject(this.#fleet.dpuIds[dpu] ?? ''), arrays[n % VARIANTS] ?? '');
      this.#count(dpu, readings, net);
      if (publisher.inFlight > ARRAYS_IN_FLIGHT_MAX) await publisher.settled(ARRAYS_IN_FLIGHT_MAX / 2);
    }
  }

  #publishOne(publisher: CountedPublisher, dpu: number): void {
    const timestampMs = this.#heard.send(spaceOfDpu(this.#fleet, dpu));
    const direction = directionOf(this.published);
    publisher.publish(
      readingSubject(this.#fleet.dpuIds[dpu] ?? ''),
      `{"timestamp":"${formatInstant(timestampMs)}","direction":${direction}}`,
    );
    this.#count(dpu, 1, direction);
  }

  #count(dpu: number, readings: number, net: number): void {
    const space = spaceOfDpu(this.#fleet, dpu);
    this.#net[space] = (this.#net[space] ?? 0) + net;
    this.published += readings;
  }
}
