// The people of the demo, who come and go through the building's doors. Its DPUs report them as real DPUs do: some
// readings are out of order, some are duplicated, and some are minutes late.
import type { NatsConnection } from 'nats';
import type { SpaceId } from '../domain/ids.ts';
import { formatInstant } from '../domain/instant.ts';
import type { Direction } from '../domain/measure.ts';
import { readingSubject } from '../nats/streams.ts';
import type { DemoBuilding, DemoDoor } from './building.ts';

const STEP_MS = 400;
/** The number of people that a space tends towards. */
const CROWD = 14;
const [DUPLICATE, SHORT_DELAY, LONG_DELAY] = [0.05, 0.15, 0.02];
const [SHORT_DELAY_MS, LONG_DELAY_MS] = [3_000, 90_000];
const BACKFILL_MS = 2 * 3_600_000;
const BACKFILL_STEP_MS = 20_000;

interface Passage {
  readonly door: DemoDoor;
  readonly direction: Direction;
  readonly atMs: number;
}

export class Crowd {
  readonly #nc: NatsConnection;
  readonly #building: DemoBuilding;
  readonly #inside: Map<SpaceId, number>;
  readonly #timers = new Set<NodeJS.Timeout>();
  #step: NodeJS.Timeout | undefined;

  /**
   * @param inside the number of people in each space at the start
   */
  constructor(nc: NatsConnection, building: DemoBuilding, inside: ReadonlyMap<SpaceId, number>) {
    this.#nc = nc;
    this.#building = building;
    this.#inside = new Map(inside);
  }

  /**
   * Publishes the readings of the last two hours at once, like DPUs that were offline. @returns the number of
   * readings
   */
  backfill(nowMs: number): number {
    let sent = 0;
    for (let atMs = nowMs - BACKFILL_MS; atMs < nowMs; atMs += BACKFILL_STEP_MS) {
      const passage = this.#passage(atMs + Math.floor(Math.random() * BACKFILL_STEP_MS));
      if (!passage) continue;
      this.#publish(passage);
      sent += 1;
    }
    return sent;
  }

  start(): void {
    this.#step = setInterval(() => {
      const passage = this.#passage(Date.now());
      if (passage) this.#report(passage);
    }, STEP_MS);
  }

  stop(): void {
    clearInterval(this.#step);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #passage(atMs: number): Passage | undefined {
    const door = this.#building.doors[Math.floor(Math.random() * this.#building.doors.length)];
    if (!door || Math.random() < 0.3) return undefined;
    const inside = this.#inside.get(door.ingressSpaceId) ?? 0;
    const outside = door.egressSpaceId === null ? CROWD : (this.#inside.get(door.egressSpaceId) ?? 0);
    const goesIn = Math.random() < 0.5 + (CROWD - inside) / (4 * CROWD);
    if (goesIn ? outside === 0 : inside === 0) return undefined;
    const direction: Direction = goesIn ? 1 : -1;
    this.#inside.set(door.ingressSpaceId, inside + direction);
    if (door.egressSpaceId !== null) this.#inside.set(door.egressSpaceId, outside - direction);
    return { door, direction, atMs };
  }

  #report(passage: Passage): void {
    const chance = Math.random();
    if (chance < LONG_DELAY) this.#publishIn(passage, LONG_DELAY_MS * Math.random());
    else if (chance < SHORT_DELAY) this.#publishIn(passage, SHORT_DELAY_MS * Math.random());
    else this.#publish(passage);
    if (Math.random() < DUPLICATE) this.#publishIn(passage, SHORT_DELAY_MS * Math.random());
  }

  #publishIn(passage: Passage, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#publish(passage);
    }, delayMs);
    this.#timers.add(timer);
  }

  #publish({ door, direction, atMs }: Passage): void {
    this.#nc.publish(readingSubject(door.dpuId), JSON.stringify({ timestamp: formatInstant(atMs), direction }));
  }
}
