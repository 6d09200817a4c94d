// The end of a stream according to its leader, because a replica may lag. All that a process wants to know about it is
// asked once.
import type { JetStreamManager } from '@nats-io/jetstream';

export interface StreamBounds {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When the last entry was stored. Another log may have the same last sequence, but not at the same time. */
  readonly lastTime: string;
}

export class StreamEnd {
  readonly #jsm: () => Promise<JetStreamManager>;
  readonly #stream: string;
  #asking: Promise<StreamBounds> | undefined;
  #last: { readonly askedAtMs: number; readonly bounds: StreamBounds } | undefined;

  constructor(jsm: () => Promise<JetStreamManager>, stream: string) {
    [this.#jsm, this.#stream] = [jsm, stream];
  }

  /** Asks the server. Calls in a row share one question. @throws if it does not answer */
  now(): Promise<StreamBounds> {
    if (!this.#asking) {
      this.#asking = this.#ask();
      queueMicrotask(() => (this.#asking = undefined));
    }
    return this.#asking;
  }

  /** The bounds of not longer ago than this; asks only if it must. @throws if the server does not answer */
  async within(ageMaxMs: number): Promise<StreamBounds> {
    const isRecent = this.#last && performance.now() - this.#last.askedAtMs <= ageMaxMs;
    return isRecent && this.#last ? this.#last.bounds : this.now();
  }

  async #ask(): Promise<StreamBounds> {
    const askedAtMs = performance.now();
    const { state } = await (await this.#jsm()).streams.info(this.#stream);
    const bounds = { firstSeq: state.first_seq, lastSeq: state.last_seq, lastTime: state.last_ts };
    this.#last = { askedAtMs, bounds };
    return bounds;
  }
}
