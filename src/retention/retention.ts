// Frees space in NATS: removes readings and dead letters that are old and no longer needed, and removes unneeded
// readings earlier if READINGS is nearly full. Checks often whether the log is full, and rarely which entries have
// expired.
import type { Logger } from 'pino';
import type { DeadLetters } from '../ports/dead-letters.ts';
import type { Timing } from '../runtime/timing.ts';
import { makeRoom, purgeReadings, type ReadingsRetentionDeps } from './readings-retention.ts';

const ROOM_CHECK_INTERVAL_MS = 5_000;
const EXPIRY_CHECK_INTERVAL_MS = 300_000;

export interface RetentionDeps {
  readonly readings: ReadingsRetentionDeps;
  readonly deadLetters: Pick<DeadLetters, 'evict'>;
  readonly deadLettersKeptMs: number;
  /** Called with the fill level of READINGS, from 0 to 1. */
  readonly onUsage: (part: number) => void;
  readonly timing: Timing;
  readonly log: Logger;
}

export class Retention {
  readonly #deps: RetentionDeps;
  #acceptsReadings = true;
  #expiryCheckedAtMs = 0;

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
  }

  /** False while READINGS is full and publishers are refused. */
  get acceptsReadings(): boolean {
    return this.#acceptsReadings;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#deps;
    this.#expiryCheckedAtMs = timing.now();
    while (!signal.aborted) {
      // With jitter, so that the processes of a cluster do not check at the same moment.
      await timing.pause(ROOM_CHECK_INTERVAL_MS * (0.5 + timing.random()), signal);
      if (!signal.aborted)
        await this.#check().catch((error: unknown) =>
          log.warn({ err: error }, 'cannot remove readings or dead letters that are no longer needed; retrying'),
        );
    }
  }

  async #check(): Promise<void> {
    const { readings, deadLetters, deadLettersKeptMs, timing } = this.#deps;
    await this.#makeRoom();
    if (timing.now() - this.#expiryCheckedAtMs < EXPIRY_CHECK_INTERVAL_MS) return;
    this.#expiryCheckedAtMs = timing.now();
    await purgeReadings(readings);
    await deadLetters.evict(deadLettersKeptMs);
  }

  async #makeRoom(): Promise<void> {
    const { readings, onUsage, log } = this.#deps;
    const { usedFraction, acceptsReadings } = await makeRoom(readings);
    onUsage(usedFraction);
    if (acceptsReadings !== this.#acceptsReadings)
      log.warn(
        { usedFraction, acceptsReadings },
        acceptsReadings ? 'READINGS accepts readings again' : 'READINGS is full: publishers are refused',
      );
    this.#acceptsReadings = acceptsReadings;
  }
}
