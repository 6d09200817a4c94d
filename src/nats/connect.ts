// Connects to NATS and JetStream, with the configured credentials and certificates.
import { readFile } from 'node:fs/promises';
import { jetstream, type JetStreamClient, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection, type TlsOptions } from 'nats';

const TIMEOUT_MS = 5_000;

export interface NatsHandles {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** Files with credentials and certificates. Read once, when connecting. */
export interface NatsSecurity {
  /** A `.creds` file with the user's token and key. */
  readonly credentialsFile?: string | undefined;
  /** Certificate authorities to trust. If given, the connection must be encrypted. */
  readonly caFile?: string | undefined;
  /** This client's certificate and key, for servers that require one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/**
 * Connects. A connection that is lost later is retried indefinitely.
 * @throws Error naming the URL if the first attempt fails
 */
export async function connectNats(url: string, name: string, security: NatsSecurity = {}): Promise<NatsHandles> {
  const nc = await connectPlain(url, name, security);
  const jsm = await jetstreamManager(nc, { timeout: TIMEOUT_MS, checkAPI: true }).catch(async (error: unknown) => {
    await nc.close();
    throw new Error(`the NATS server at ${url} has no JetStream enabled (NATS_URL)`, { cause: error });
  });
  return { nc, js: jetstream(nc, { timeout: TIMEOUT_MS }), jsm };
}

/** Connects without JetStream, which the system account does not have. @throws Error naming the URL */
export async function connectPlain(url: string, name: string, security: NatsSecurity): Promise<NatsConnection> {
  try {
    return await connect({
      servers: url.split(','),
      name,
      timeout: TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      // With async traces the client creates two Errors per request for their stacks, which took 5 % of the service's
      // CPU time.
      noAsyncTraces: true,
      ...(await secured(security)),
    });
  } catch (error) {
    throw new Error(
      `cannot connect to a NATS server at ${url} (NATS_URL${security.credentialsFile === undefined ? '' : ', NATS_CREDENTIALS_FILE'}): ${String(error)}`,
      { cause: error },
    );
  }
}

async function secured({
  credentialsFile,
  caFile,
  certFile,
  keyFile,
}: NatsSecurity): Promise<{ authenticator?: ReturnType<typeof credsAuthenticator>; tls?: TlsOptions }> {
  const isEncrypted = caFile !== undefined || certFile !== undefined;
  return {
    ...(credentialsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
    ...(isEncrypted
      ? {
          tls: {
            ...(caFile === undefined ? {} : { caFile }),
            ...(certFile === undefined ? {} : { certFile }),
            ...(keyFile === undefined ? {} : { keyFile }),
          },
        }
      : {}),
  };
}
