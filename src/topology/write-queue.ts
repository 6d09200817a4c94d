// The writes of one process to the topology, one after another. Each is decided on the log as the previous one left
// it: two writes decided at the same time would conflict, and one of them would have to be decided again.
import { Failure } from '../domain/failure.ts';

/**
 * Far more than the clients that register a building at the same time; further writes are refused and can be retried.
 */
const WAITING_MAX = 2_000;

export class WriteQueue {
  #last: Promise<unknown> = Promise.resolve();
  #tickets = 0;
  #waiting = 0;
  /** The last failure to reach the log, and the last ticket that fails with it. */
  #outage: { readonly failure: Failure; readonly upTo: number } | undefined;

  /**
   * Runs a write once the previous ones have ended. If one of them finds the log unavailable, all writes that wait at
   * that moment fail with it, because each would otherwise wait for its own timeout.
   * @throws Failure unavailable, or the error of the write
   */
  async run<T>(write: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX)
      throw new Failure('unavailable', 'too many changes of the topology are waiting', { retryAfterSeconds: 5 });
    const ticket = (this.#tickets += 1);
    this.#waiting += 1;
    const result = this.#last.then(() => this.#take(ticket, write)).finally(() => (this.#waiting -= 1));
    this.#last = result.catch(() => undefined);
    return result;
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
