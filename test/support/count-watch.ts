// Sends readings of people who enter, one after the other, and keeps asking for the count, to measure how old the
// answers are.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import type { Answer } from './local-service.ts';

const SEND_EVERY_MS = 50;
const ASK_EVERY_MS = 50;

interface Sample {
  readonly askedAt: number;
  readonly count: number;
  readonly isStale: boolean;
}

export class CountWatch {
  readonly #send: (bytes: Uint8Array) => Promise<unknown>;
  readonly #ask: () => Promise<Answer>;
  readonly #samples: Sample[] = [];
  /** When reading n was acknowledged, by performance.now, ascending. */
  readonly #acknowledgedAt: number[] = [];
  #isOver = false;
  #loops: Promise<void>[] = [];

  constructor(send: (bytes: Uint8Array) => Promise<unknown>, ask: () => Promise<Answer>) {
    [this.#send, this.#ask] = [send, ask];
  }

  start(): void {
    this.#loops = [this.#sending(), this.#asking()];
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  /** Resolves once an answer contains everything that was acknowledged before the question. */
  async caughtUp(withinMs: number): Promise<void> {
    return this.recovered(performance.now(), withinMs);
  }

  /** Resolves once an answer marked as fresh contains a reading acknowledged more than a second after an instant. */
  async recovered(sinceAt: number, withinMs: number): Promise<void> {
    await eventually(() => {
      const needed = this.#acknowledgedAt.findIndex((at) => at > sinceAt + 1_000) + 1;
      expect(needed).toBeGreaterThan(0);
      expect(this.#samples.some(({ count, isStale }) => !isStale && count >= needed)).toBe(true);
    }, withinMs);
  }

  /**
   * For the answers since an instant: the age of the oldest that is not marked as stale, and the numbers of both kinds.
   */
  since(sinceAt: number): { oldestFreshMs: number; stale: number; answers: number } {
    const samples = this.#samples.filter(({ askedAt }) => askedAt >= sinceAt);
    // An answer is as old as the first acknowledged reading that it lacks.
    const ages = samples.map(({ askedAt, count, isStale }) =>
      isStale ? 0 : askedAt - (this.#acknowledgedAt[count] ?? askedAt),
    );
    return {
      oldestFreshMs: Math.max(0, ...ages),
      stale: samples.filter(({ isStale }) => isStale).length,
      answers: samples.length,
    };
  }

  /** Repeats each reading until it is acknowledged; it counts once. */
  async #sending(): Promise<void> {
    while (!this.#isOver) {
      const bytes = new TextEncoder().encode(
        JSON.stringify({ timestamp: new Date().toISOString(), direction: 1, id: String(this.#acknowledgedAt.length) }),
      );
      while (
        !this.#isOver &&
        !(await this.#send(bytes).then(
          () => true,
          () => false,
        ))
      )
        await sleep(SEND_EVERY_MS);
      if (!this.#isOver) this.#acknowledgedAt.push(performance.now());
      await sleep(SEND_EVERY_MS);
    }
  }

  async #asking(): Promise<void> {
    while (!this.#isOver) {
      const askedAt = performance.now();
      const { status, body } = await this.#ask();
      const { count, stale = false } = body as { count: number; stale?: boolean };
      if (status === 200) this.#samples.push({ askedAt, count, isStale: stale });
      await sleep(ASK_EVERY_MS);
    }
  }
}
