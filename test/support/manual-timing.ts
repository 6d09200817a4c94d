import type { Timing } from '../../src/runtime/timing.ts';

/** Resolves once all continuations of settled promises have run. */
const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

/** A clock that the test advances; pauses end in order of their deadlines. */
export class ManualTiming implements Timing {
  #nowMs = 0;
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  random(): number {
    return 0;
  }

  async yield(): Promise<void> {
    return undefined;
  }

  async pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.push({ untilMs: this.#nowMs + ms, wake });
      signal.addEventListener('abort', wake);
    });
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#nowMs = Math.max(this.#nowMs, next.untilMs);
      next.wake();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Advances the clock without ending any pause, as in a suspended process. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }

  #next(untilMs: number): Sleeper | undefined {
    return this.#sleepers.filter((sleeper) => sleeper.untilMs <= untilMs).sort((a, b) => a.untilMs - b.untilMs)[0];
  }
}
