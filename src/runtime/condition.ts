// A condition variable.

/** `notify` wakes all waiters, which then check their condition again. */
export class Condition {
  #waiting: (() => void)[] = [];

  /** Resolves at the next `notify`, or after `maxMs` at the latest. */
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
