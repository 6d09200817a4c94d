// Whether the NATS server can be reached now, as far as the connection knows.
import type { NatsConnection } from 'nats';
import type { Logger } from 'pino';

export class NatsLink {
  readonly #nc: NatsConnection;
  #isUp = true;

  constructor(nc: NatsConnection, log: Logger) {
    this.#nc = nc;
    void this.#follow(log);
  }

  get isUp(): boolean {
    return this.#isUp && !this.#nc.isClosed();
  }

  async #follow(log: Logger): Promise<void> {
    for await (const { type } of this.#nc.status()) {
      if (type === 'disconnect') this.#isUp = false;
      if (type === 'reconnect') this.#isUp = true;
      if (type === 'disconnect' || type === 'reconnect') log.warn({ nats: type }, type === 'disconnect' ? 'NATS is away' : 'NATS is back');
    }
  }
}
