import { readFile } from 'node:fs/promises';
import { jetstream, type JetStreamClient, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection, type TlsOptions } from 'nats';

const TIMEOUT_MS = 5_000;

export interface NatsHandles {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
}

/** Files that say who this is and whom it trusts; as they are read when it connects. */
export interface NatsSecurity {
  /** A `.creds` file: the user's token and key. */
  readonly credentialsFile?: string | undefined;
  /** Certificates of the authorities that may vouch for the server; given, the connection must be encrypted. */
  readonly caFile?: string | undefined;
  /** This client's own certificate and key, where the server asks for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Connects, and from then on reconnects for ever. @throws Error that names the URL */
export async function connectNats(url: string, name: string, security: NatsSecurity = {}): Promise<NatsHandles> {
  const nc = await connectPlain(url, name, security);
  const jsm = await jetstreamManager(nc, { timeout: TIMEOUT_MS, checkAPI: true }).catch(async (error: unknown) => {
    await nc.close();
    throw new Error(`the NATS server at ${url} has no JetStream enabled (NATS_URL)`, { cause: error });
  });
  return { nc, js: jetstream(nc, { timeout: TIMEOUT_MS }), jsm };
}

/** Only the connection: the system's account, for one, has no streams. @throws Error that names the URL */
export async function connectPlain(url: string, name: string, security: NatsSecurity): Promise<NatsConnection> {
  try {
    return await connect({
      servers: url.split(','),
      name,
      timeout: TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      // With them, each request makes two errors in advance, for their stacks: 5 % of the service's time.
      noAsyncTraces: true,
      ...(await secured(security)),
    });
  } catch (error) {
    throw new Error(
      `no NATS server takes a connection at ${url} (NATS_URL${security.credentialsFile === undefined ? '' : ', NATS_CREDENTIALS_FILE'}): ${String(error)}`,
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
