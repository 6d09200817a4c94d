// Whether the NATS server can be reached now, as far as the connection knows.
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';

export class NatsLink {
  readonly #nc: NatsConnection;
  readonly #onChange: (isUp: boolean) => void;
  #isUp = true;
  #lostTimes = 0;

  /** @param onChange hears of every time that the connection is lost, and that it is back */
  constructor(nc: NatsConnection, log: Logger, onChange: (isUp: boolean) => void = () => undefined) {
    this.#nc = nc;
    this.#onChange = onChange;
    void this.#follow(log);
  }

  get isUp(): boolean {
    return this.#isUp && !this.#nc.isClosed();
  }

  /** How often the connection was lost: the server may have been restarted each time, and have less than before. */
  get lostTimes(): number {
    return this.#lostTimes;
  }

  async #follow(log: Logger): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue;
      this.#isUp = type === 'reconnect';
      if (!this.#isUp) this.#lostTimes += 1;
      log.warn({ nats: type }, this.#isUp ? 'reconnected to NATS' : 'the connection to NATS is lost');
      this.#onChange(this.#isUp);
    }
  }
}
