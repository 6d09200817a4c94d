// How often one shard has recently failed and been restarted. A handover or a short outage causes one or two
// restarts.
import type { Timing } from '../runtime/timing.ts';

const WITHIN_MS = 60_000;
const LOOP_RESTARTS = 3;

export interface RestartLoop {
  readonly count: number;
  readonly cause: string;
}

export class Restarts {
  readonly #timing: Pick<Timing, 'now'>;
  #recent: number[] = [];
  #cause = '';

  constructor(timing: Pick<Timing, 'now'>) {
    this.#timing = timing;
  }

  /** Undefined unless the shard keeps failing. */
  get loop(): RestartLoop | undefined {
    const sinceMs = this.#timing.now() - WITHIN_MS;
    const count = this.#recent.filter((atMs) => atMs > sinceMs).length;
    return count >= LOOP_RESTARTS ? { count, cause: this.#cause } : undefined;
  }

  note(error: unknown): void {
    const now = this.#timing.now();
    this.#cause = error instanceof Error ? error.message : String(error);
    this.#recent = [...this.#recent.filter((atMs) => atMs > now - WITHIN_MS), now];
  }
}
