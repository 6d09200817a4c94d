// The end of a stream, asked for once on behalf of everything in this process that needs it.
import type { LogBounds } from '../ports/log.ts';

export interface StreamBounds extends LogBounds {
  /** When the last entry was stored. Another log may have the same last sequence, but not at the same time. */
  readonly lastTime: string;
}

export class StreamEnd {
  readonly #read: () => Promise<StreamBounds>;
  #asking: Promise<StreamBounds> | undefined;
  #last: { readonly askedAtMs: number; readonly bounds: StreamBounds } | undefined;

  /** @param read asks the server */
  constructor(read: () => Promise<StreamBounds>) {
    this.#read = read;
  }

  /** Asks the server. Calls in a row share one question. @throws if it does not answer */
  now(): Promise<StreamBounds> {
    if (!this.#asking) {
      this.#asking = this.#ask();
      queueMicrotask(() => (this.#asking = undefined));
    }
    return this.#asking;
  }

  /** The bounds at most this long ago; asks only if the last answer is older. @throws if the server does not answer */
  async within(ageMaxMs: number): Promise<StreamBounds> {
    const isRecent = this.#last && performance.now() - this.#last.askedAtMs <= ageMaxMs;
    return isRecent && this.#last ? this.#last.bounds : this.now();
  }

  async #ask(): Promise<StreamBounds> {
    const askedAtMs = performance.now();
    const bounds = await this.#read();
    this.#last = { askedAtMs, bounds };
    return bounds;
  }
}
