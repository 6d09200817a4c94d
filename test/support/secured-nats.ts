// nats-server with the exact configuration of deploy/nats, and certificates made here.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, credsAuthenticator, type NatsConnection } from 'nats';
import { generate } from 'selfsigned';
import { accountsConfiguration, createKeyring, type Keyring } from '../../src/nats/credentials.ts';
import { eventually } from './eventually.ts';

const DEPLOYED = fileURLToPath(new URL('../../deploy/nats/', import.meta.url));

export interface SecuredNats {
  readonly keyring: Keyring;
  readonly dir: string;
  readonly caFile: string;
  readonly ca: string;
  readonly url: string;
  readonly mqttUrl: string;
  readonly monitorUrl: string;
  /** Connects with credentials, encrypted. */
  connect(credentials: string | undefined, inboxPrefix?: string): Promise<NatsConnection>;
  stop(): Promise<void>;
}

/** @param configuration which file of deploy/nats */
export async function startSecuredNats(configuration = 'nats-server.conf'): Promise<SecuredNats> {
  const dir = await mkdtemp(join(tmpdir(), 'density-nats-'));
  const path = (name: string): string => join(dir, name);
  const keyring = createKeyring();
  await writeFile(path('accounts.conf'), await accountsConfiguration(keyring));
  for (const file of ['nats-server.conf', 'nats-cluster.conf']) await copyFile(join(DEPLOYED, file), path(file));
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  await writeFile(path('tls.key'), key);
  await writeFile(path('tls.crt'), cert);
  await mkdir(path('ports'));
  const child = spawn(
    process.env['NATS_SERVER_BIN'] ?? 'nats-server',
    ['-c', path(configuration), '--ports_file_dir', path('ports')],
    {
      env: environmentOf(path),
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const [port, mqttPort, monitorUrl = ''] = await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`nats-server ended: ${log}`);
    const file = (await readdir(path('ports')))[0];
    const ports = JSON.parse(await readFile(path(join('ports', file ?? '')), 'utf8')) as {
      nats: string[];
      monitoring: string[];
    };
    const found = [
      /:(\d+)$/.exec(ports.nats[0] ?? '')?.[1],
      /Listening for MQTT clients on \S+:(\d+)/.exec(log)?.[1],
      ports.monitoring[0],
    ];
    if (found.includes(undefined) || !log.includes('Server is ready'))
      throw new Error(`nats-server is not ready: ${log}`);
    return found;
  });
  return {
    keyring,
    dir,
    caFile: path('tls.crt'),
    ca: cert,
    url: `tls://127.0.0.1:${port}`,
    mqttUrl: `mqtts://127.0.0.1:${mqttPort}`,
    monitorUrl,
    connect: (credentials, inboxPrefix) =>
      connect({
        servers: `127.0.0.1:${port}`,
        tls: { ca: cert },
        reconnect: false,
        timeout: 60_000,
        ...(credentials === undefined
          ? {}
          : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
        ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      }),
    stop: async () => {
      await ended(child);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The environment variables that the configuration uses. */
export function environmentOf(path: (name: string) => string): NodeJS.ProcessEnv {
  return {
    NATS_SERVER_NAME: 'test',
    NATS_LISTEN_HOST: '127.0.0.1',
    NATS_LISTEN_PORT: '-1',
    NATS_MONITOR_LISTEN: '127.0.0.1:-1',
    NATS_MQTT_PORT: '-1',
    NATS_TLS_CERT: path('tls.crt'),
    NATS_TLS_KEY: path('tls.key'),
    NATS_TLS_CA: path('tls.crt'),
    NATS_STORE_DIR: path('data'),
    NATS_STORE_MAX: '1GB',
    NATS_ACCOUNTS_DIR: path('accounts'),
    NATS_CLUSTER_PORT: '-1',
    NATS_ROUTE_1: 'nats://127.0.0.1:6222',
    NATS_ROUTE_2: 'nats://127.0.0.1:6223',
    NATS_ROUTE_3: 'nats://127.0.0.1:6224',
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
