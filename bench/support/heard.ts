// How long it takes until a published reading is heard on the live stream.
//
// Simultaneous changes of a space are one event, so a reading counts as heard once the stream has a `last_reading_at`
// that is not before its timestamp. For this each reading of a space is later than the previous one.

/** A time in which readings are measured. */
export class HeardWindow {
  readonly #samples: number[] = [];
  /** Readings sent in this time. */
  sent = 0;
  /** Readings heard in this time, including those sent before it: the CPU time was spent on these. */
  heardMeanwhile = 0;

  add(latencyMs: number): void {
    this.#samples.push(latencyMs);
  }

  /** Latencies in milliseconds, ascending, of all readings sent in this time and heard by now. */
  latencies(): Float64Array {
    return Float64Array.from(this.#samples).sort();
  }
}

interface Sent {
  readonly timestampMs: number;
  readonly sentAt: number;
  readonly window: HeardWindow | undefined;
}

/** The published and not yet heard readings of each space. */
export class Heard {
  readonly #waiting = new Map<number, Sent[]>();
  readonly #lastMs = new Map<number, number>();
  #window: HeardWindow | undefined;
  #waitingCount = 0;

  /** Begins a window, and ends the previous one. */
  begin(): HeardWindow {
    this.#window = new HeardWindow();
    return this.#window;
  }

  end(): void {
    this.#window = undefined;
  }

  /** @returns the timestamp for the next reading: now, but after the previous one */
  send(spaceId: number): number {
    const timestampMs = Math.max(Date.now(), (this.#lastMs.get(spaceId) ?? 0) + 1);
    this.#lastMs.set(spaceId, timestampMs);
    const sent = { timestampMs, sentAt: performance.now(), window: this.#window };
    const waiting = this.#waiting.get(spaceId);
    if (waiting) waiting.push(sent);
    else this.#waiting.set(spaceId, [sent]);
    this.#waitingCount += 1;
    if (this.#window) this.#window.sent += 1;
    return timestampMs;
  }

  hear(spaceId: number, lastReadingMs: number): void {
    const waiting = this.#waiting.get(spaceId);
    const now = performance.now();
    while (waiting?.[0] && waiting[0].timestampMs <= lastReadingMs) {
      const { sentAt, window } = waiting.shift() as Sent;
      this.#waitingCount -= 1;
      window?.add(now - sentAt);
      if (this.#window) this.#window.heardMeanwhile += 1;
    }
  }

  /** The number of readings that were sent and not heard yet. */
  get waiting(): number {
    return this.#waitingCount;
  }
}
