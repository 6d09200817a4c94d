import type { Config } from '../config.ts';
import type { NatsSecurity } from '../nats/connect.ts';

/** Applies to NATS_URL only, because a server that is started here has no accounts. */
export function natsSecurityOf(config: Config): NatsSecurity {
  if (config.NATS_URL === undefined) return {};
  return {
    credentialsFile: config.NATS_CREDENTIALS_FILE,
    caFile: config.NATS_CA_FILE,
    certFile: config.NATS_CERT_FILE,
    keyFile: config.NATS_KEY_FILE,
  };
}
