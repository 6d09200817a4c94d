// Publishes to a stream with acknowledgements that are counted on one inbox. A separate request per message costs the
// client more than the message itself, and messages published without acknowledgement are dropped when the server's
// queue is full.
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

  /** Messages that the server did not store, for example because its queue was full. */
  get refused(): number {
    return this.#refused;
  }

  publish(subject: string, data: string): void {
    this.#nc.publish(subject, data, { reply: this.#inbox });
    this.#sent += 1;
  }

  /** Waits until at most this many are unanswered. @throws Error if none was answered for a minute */
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

  /** Waits for the last acknowledgement. @throws Error if one was refused */
  async finish(): Promise<void> {
    await this.settled(0);
    this.close();
    if (this.#refused > 0) throw new Error(`the server refused ${this.#refused} of ${this.#sent} messages`);
  }

  close(): void {
    this.#acks.unsubscribe();
  }
}
