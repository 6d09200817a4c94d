// The writes of one process to the topology, one after another. Each is decided on the log as the one before it left it:
// two that are decided at the same time would conflict, and the loser would have to be decided again.
import { Failure } from '../domain/failure.ts';

/** Far more than clients that register a building at once; beyond it they are told to come back. */
const WAITING_MAX = 2_000;

export class WriteQueue {
  #last: Promise<unknown> = Promise.resolve();
  #tickets = 0;
  #waiting = 0;
  /** The last failure to reach the log, and the last ticket that it holds for. */
  #outage: { readonly failure: Failure; readonly upTo: number } | undefined;

  /**
   * Runs a write once those before it have ended. If one of them finds the log unavailable, all that wait then fail with
   * it: each would otherwise wait for a timeout of its own.
   * @throws Failure unavailable, or what the write throws
   */
  async run<T>(write: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX)
      throw new Failure('unavailable', 'too many changes of the topology are waiting', { retryAfterSeconds: 5 });
    const ticket = (this.#tickets += 1);
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#take(ticket, write)).finally(() => (this.#waiting -= 1));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #take<T>(ticket: number, write: () => Promise<T>): Promise<T> {
    if (this.#outage && ticket <= this.#outage.upTo) throw this.#outage.failure;
    try {
      return await write();
    } catch (error) {
      if (error instanceof Failure && error.kind === 'unavailable')
        this.#outage = { failure: error, upTo: this.#tickets };
      throw error;
    }
  }
}
