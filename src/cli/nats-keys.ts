// The work of `density nats`: creates the accounts of a NATS server and the credentials of its users from keys in a folder. The
// folder is enough to issue any credentials, so keep it off the servers.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { Config } from '../config.ts';
import { connectPlain } from '../nats/connect.ts';
import {
  accountsConfiguration,
  createKeyring,
  dpuCredentials,
  keyringOf,
  mqttDpuToken,
  publicKeyOf,
  seedsOf,
  serviceCredentials,
  systemCredentials,
  type Keyring,
} from '../nats/credentials.ts';
import { pushAccounts, pushRevocations } from '../nats/revocations.ts';
import { natsSecurityOf } from './nats-security.ts';
import type { PrintLine } from './print-line.ts';

const KEYRING = 'keyring.json';
const REVOKED = 'revoked.json';
const SYSTEM = 'system.creds';
const DAY_S = 86_400;

export async function createKeys(folder: string, printLine: PrintLine): Promise<void> {
  const keyring = createKeyring();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secret = { mode: 0o600, flag: 'wx' };
  await writeFile(join(folder, KEYRING), `${JSON.stringify(seedsOf(keyring), null, 2)}\n`, secret).catch(
    (error: unknown) => {
      throw new Error(`${folder} already contains keys, or cannot be written: ${String(error)}`, { cause: error });
    },
  );
  await writeFile(join(folder, 'accounts.conf'), await accountsConfiguration(keyring));
  for (const role of ['service', 'admin'] as const)
    await writeFile(join(folder, `${role}.creds`), await serviceCredentials(keyring, role), secret);
  await writeFile(join(folder, SYSTEM), await systemCredentials(keyring), secret);
  printLine(
    `${folder}: put accounts.conf on every server; set NATS_CREDENTIALS_FILE to service.creds; keep admin.creds and system.creds for administrators; share ${KEYRING} with nobody`,
  );
}

export async function issueCredentials(
  id: string,
  { keys, mqtt, days: valid }: { keys: string; mqtt?: boolean; days?: number },
): Promise<string> {
  const expires = valid === undefined ? undefined : Math.floor(Date.now() / 1_000) + valid * DAY_S;
  const keyring = await readKeyring(keys);
  return mqtt ? mqttDpuToken(keyring, id, expires) : dpuCredentials(keyring, id, expires);
}

export async function revokeCredentials(
  file: string,
  folder: string,
  config: Config,
  printLine: PrintLine,
): Promise<void> {
  const keyring = await readKeyring(folder);
  const revokedFile = join(folder, REVOKED);
  const revoked = {
    ...(await readRevocations(folder)),
    [publicKeyOf(await readFile(file, 'utf8'))]: Math.floor(Date.now() / 1_000) + 1,
  };
  // Written first: if pushing fails, the next revocation or update pushes it again.
  await writeFile(revokedFile, `${JSON.stringify(revoked, null, 2)}\n`);
  await asSystem(folder, config, async (nc) => pushRevocations(nc, keyring, revoked));
  printLine(`revoked on all servers: ${Object.keys(revoked).length} credentials`);
}

export async function updateAccounts(folder: string, config: Config, printLine: PrintLine): Promise<void> {
  const [keyring, revoked] = [await readKeyring(folder), await readRevocations(folder)];
  await writeFile(join(folder, 'accounts.conf'), await accountsConfiguration(keyring, revoked));
  await asSystem(folder, config, async (nc) => pushAccounts(nc, keyring, revoked));
  printLine(
    `all servers have the accounts of this version; copy ${join(folder, 'accounts.conf')} to each server for its next start`,
  );
}

async function asSystem(folder: string, config: Config, act: (nc: NatsConnection) => Promise<void>): Promise<void> {
  if (config.NATS_URL === undefined) throw new Error('NATS_URL must name the servers');
  const nc = await connectPlain(config.NATS_URL, 'density nats', {
    ...natsSecurityOf(config),
    credentialsFile: join(folder, SYSTEM),
  });
  try {
    await act(nc);
  } finally {
    await nc.close();
  }
}

async function readRevocations(folder: string): Promise<Record<string, number>> {
  return JSON.parse(await readFile(join(folder, REVOKED), 'utf8').catch(() => '{}')) as Record<string, number>;
}

async function readKeyring(folder: string): Promise<Keyring> {
  const text = await readFile(join(folder, KEYRING), 'utf8').catch((error: unknown) => {
    throw new Error(`${folder} contains no ${KEYRING}; run "density nats init" to create it`, { cause: error });
  });
  return keyringOf(JSON.parse(text) as Record<string, string>);
}
