/** A condition variable: who waits is told that something has changed, and looks again. */
export class Condition {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `notify`, or after `maxMs`. */
  async wait(maxMs = Infinity): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (maxMs < Infinity) timer = setTimeout(resolve, maxMs);
    });
    clearTimeout(timer);
  }

  notify(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
