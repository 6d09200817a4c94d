// The clock of the log: the NATS server's, which stamps what it stores. A machine whose own clock is off would call "now" what
// is hours ago, and take readings from the future; so it says so, and goes by the log's clock until that is mended.
import type { JetStreamManager } from '@nats-io/jetstream';
import type { Logger } from 'pino';
import type { Timing } from '../runtime/timing.ts';
import { READINGS } from './streams.ts';

/** More than machines that keep their time are apart. */
const SKEW_TOLERATED_MS = 1_000;
const MEASURED_EVERY_MS = 10_000;

export interface LogClockDeps {
  /** This machine's clock. */
  readonly now: () => number;
  readonly timing: Timing;
  readonly log: Logger;
  /** How far this machine's clock is ahead of the log's. */
  readonly onMeasured: (aheadMs: number) => void;
}

export class LogClock {
  readonly #jsm: JetStreamManager;
  readonly #deps: LogClockDeps;
  /** By how much the machine's clock is off, 0 where that is tolerated. */
  #aheadMs = 0;

  constructor(jsm: JetStreamManager, deps: LogClockDeps) {
    this.#jsm = jsm;
    this.#deps = deps;
  }

  /** The time: of this machine, and of the log where that is another. */
  now(): number {
    return this.#deps.now() - this.#aheadMs;
  }

  /** What is wrong with this machine's clock; undefined when nothing is. */
  get problem(): string | undefined {
    if (this.#aheadMs === 0) return undefined;
    const seconds = Math.abs(this.#aheadMs / 1_000).toFixed(1);
    return `the clock of this machine is ${seconds} s ${this.#aheadMs > 0 ? 'ahead of' : 'behind'} that of the NATS server`;
  }

  /** Asks the server what time it is. */
  async measure(): Promise<void> {
    const { now, timing, log, onMeasured } = this.#deps;
    const [askedMs, askedAt] = [now(), timing.now()];
    const { ts } = await this.#jsm.streams.info(READINGS);
    if (ts === undefined) return;
    const tookMs = timing.now() - askedAt;
    // It was looked at somewhere between the question and the answer.
    const aheadMs = Math.round(askedMs + tookMs / 2 - Date.parse(ts));
    const isOff = Math.abs(aheadMs) - tookMs / 2 > SKEW_TOLERATED_MS;
    const before = this.problem;
    this.#aheadMs = isOff ? aheadMs : 0;
    onMeasured(aheadMs);
    if (this.problem !== undefined && before === undefined)
      log.error({ aheadMs }, `${this.problem}: its answers go by the server's`);
    if (this.problem === undefined && before !== undefined)
      log.info({ aheadMs }, 'the clock of this machine agrees with that of the NATS server again');
  }

  /** Measures until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#deps;
    while (!signal.aborted) {
      await timing.pause(MEASURED_EVERY_MS, signal);
      if (!signal.aborted)
        await this.measure().catch((error: unknown) =>
          log.debug({ err: error }, 'the clock of the log cannot be asked for'),
        );
    }
  }
}
