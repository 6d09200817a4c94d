/** One timer for everything that is done at the same interval: an idle process wakes up once for all of it. */
export class SharedInterval {
  readonly #intervalMs: number;
  readonly #acts = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @returns a function that removes it */
  add(act: () => void): () => void {
    this.#acts.add(act);
    this.#timer ??= setInterval(() => this.#acts.forEach((each) => each()), this.#intervalMs).unref();
    return () => {
      this.#acts.delete(act);
      if (this.#acts.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }
}
