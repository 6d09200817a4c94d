import type { Config } from '../config.ts';
import { connectNats, type NatsHandles } from '../nats/connect.ts';
import { natsSecurityOf } from './nats-security.ts';

/** Connects to the server given by `--nats`, otherwise to that of NATS_URL, otherwise to the one on this machine. */
export async function connectCommand(config: Config, url: string | undefined, name: string): Promise<NatsHandles> {
  return connectNats(url ?? config.NATS_URL ?? `nats://127.0.0.1:${config.NATS_PORT}`, name, natsSecurityOf(config));
}
