import { jetstream, type JetStreamClient, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from 'nats';

export interface NatsHandles {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** Connects, and from then on reconnects for ever. @throws Error that names the URL */
export async function connectNats(url: string, name: string, timeoutMs = 5_000): Promise<NatsHandles> {
  let nc: NatsConnection;
  try {
    nc = await connect({ servers: url, name, timeout: timeoutMs, maxReconnectAttempts: -1, reconnectTimeWait: 250, reconnectJitter: 250 });
  } catch (error) {
    throw new Error(`no NATS server answers at ${url} (NATS_URL)`, { cause: error });
  }
  const jsm = await jetstreamManager(nc, { timeout: timeoutMs, checkAPI: true }).catch((error: unknown) => {
    throw new Error(`the NATS server at ${url} has no JetStream enabled (NATS_URL)`, { cause: error });
  });
  return { nc, js: jetstream(nc, { timeout: timeoutMs }), jsm };
}
