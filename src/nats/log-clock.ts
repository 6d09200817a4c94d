// The current time, corrected by the clock of the log, which is that of the NATS server. With a wrong clock, a
// process would answer "now" with the count of hours ago, or accept readings from the future. So it measures the
// difference, reports it as a problem, and uses the log's clock until its own is right again.
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Logger } from 'pino';
import type { Timing } from '../runtime/timing.ts';
import { READINGS } from './streams.ts';

/** Larger than the difference between synchronized clocks. */
const SKEW_TOLERATED_MS = 1_000;
const MEASURE_EVERY_MS = 10_000;

export interface LogClockDeps {
  /** This machine's clock, in ms since 1970. */
  readonly now: () => number;
  readonly timing: Timing;
  readonly log: Logger;
  /** Called after each measurement with the time by which this machine's clock is ahead of the log's. */
  readonly onMeasured: (aheadMs: number) => void;
}

export class LogClock {
  readonly #jsm: JetStreamManager;
  readonly #deps: LogClockDeps;
  /** By how much this machine's clock is ahead; 0 if the difference is tolerable. */
  #aheadMs = 0;

  constructor(jsm: JetStreamManager, deps: LogClockDeps) {
    this.#jsm = jsm;
    this.#deps = deps;
  }

  /** The time in ms since 1970: this machine's, or the log's if they differ too much. */
  now(): number {
    return this.#deps.now() - this.#aheadMs;
  }

  /** A description of the problem with this machine's clock; undefined if there is none. */
  get problem(): string | undefined {
    if (this.#aheadMs === 0) return undefined;
    const seconds = Math.abs(this.#aheadMs / 1_000).toFixed(1);
    return `the clock of this machine is ${seconds} s ${this.#aheadMs > 0 ? 'ahead of' : 'behind'} that of the NATS server`;
  }

  /** Compares the clocks. @throws if the server cannot be reached */
  async measure(): Promise<void> {
    const { now, timing, log, onMeasured } = this.#deps;
    const [askedMs, askedAt] = [now(), timing.now()];
    const { ts } = await this.#jsm.streams.info(READINGS);
    if (ts === undefined) return;
    const tookMs = timing.now() - askedAt;
    // The server read its clock at some moment between request and reply.
    const aheadMs = Math.round(askedMs + tookMs / 2 - Date.parse(ts));
    const isOff = Math.abs(aheadMs) - tookMs / 2 > SKEW_TOLERATED_MS;
    const before = this.problem;
    this.#aheadMs = isOff ? aheadMs : 0;
    onMeasured(aheadMs);
    if (this.problem !== undefined && before === undefined)
      log.error({ aheadMs }, `${this.problem}; using the server's time`);
    if (this.problem === undefined && before !== undefined)
      log.info({ aheadMs }, 'the clock of this machine agrees with that of the NATS server again');
  }

  /** Measures until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#deps;
    while (!signal.aborted) {
      await timing.pause(MEASURE_EVERY_MS, signal);
      if (!signal.aborted)
        await this.measure().catch((error: unknown) =>
          log.debug({ err: error }, 'the clock of the log cannot be read'),
        );
    }
  }
}
