// Follows the state of the connection to NATS: whether it is up, and how often it was lost.
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';

export class NatsLink {
  readonly #nc: NatsConnection;
  readonly #onChange: (isUp: boolean) => void;
  #isUp = true;
  #disconnects = 0;

  /** @param onChange called whenever the connection is lost or restored */
  constructor(nc: NatsConnection, log: Logger, onChange: (isUp: boolean) => void = () => undefined) {
    this.#nc = nc;
    this.#onChange = onChange;
    void this.#follow(log);
  }

  get isUp(): boolean {
    return this.#isUp && !this.#nc.isClosed();
  }

  /** How often the connection was lost. After each loss, the server may have restarted with less data than before. */
  get disconnects(): number {
    return this.#disconnects;
  }

  async #follow(log: Logger): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue;
      this.#isUp = type === 'reconnect';
      if (!this.#isUp) this.#disconnects += 1;
      log.warn({ nats: type }, this.#isUp ? 'reconnected to NATS' : 'the connection to NATS is lost');
      this.#onChange(this.#isUp);
    }
  }
}
