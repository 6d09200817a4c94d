// Publishes to a stream with acknowledgements, all counted on one inbox: a request of its own for each message costs the
// client more than the message does, and what is published without is dropped when the server's queue is full.
import { setTimeout as sleep } from 'node:timers/promises';
import { createInbox, type NatsConnection, type Subscription } from 'nats';

const PROGRESS_WITHIN_MS = 60_000;

export class CountedPublisher {
  readonly #nc: NatsConnection;
  readonly #inbox = createInbox();
  readonly #acks: Subscription;
  #sent = 0;
  #acknowledged = 0;
  #refused = 0;

  constructor(nc: NatsConnection) {
    this.#nc = nc;
    this.#acks = nc.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!error && message.string().startsWith('{"stream"')) this.#acknowledged += 1;
        else this.#refused += 1;
      },
    });
  }

  get inFlight(): number {
    return this.#sent - this.#acknowledged - this.#refused;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What the server did not store, because its queue was full, for one. */
  get refused(): number {
    return this.#refused;
  }

  publish(subject: string, data: string): void {
    this.#nc.publish(subject, data, { reply: this.#inbox });
    this.#sent += 1;
  }

  /** Until at most so many are without an answer. @throws Error when none came for a minute */
  async settled(inFlightMax: number): Promise<void> {
    let [before, progressAt] = [this.inFlight, performance.now()];
    while (this.inFlight > inFlightMax) {
      await sleep(1);
      const now = performance.now();
      if (this.inFlight !== before) [before, progressAt] = [this.inFlight, now];
      else if (now - progressAt > PROGRESS_WITHIN_MS)
        throw new Error(`${this.inFlight} of ${this.#sent} messages are without an acknowledgement`);
    }
  }

  /** Waits for the last acknowledgement. @throws Error when one was refused */
  async finish(): Promise<void> {
    await this.settled(0);
    this.close();
    if (this.#refused > 0) throw new Error(`the server refused ${this.#refused} of ${this.#sent} messages`);
  }

  close(): void {
    this.#acks.unsubscribe();
  }
}
