// Pushes changed accounts to running NATS servers.
import type { NatsConnection } from 'nats';
import { densityToken, devicesToken, type Keyring, type Revocations } from './credentials.ts';

/**
 * Revokes credentials on all servers, which close the connections that use them.
 * @throws Error if the servers refuse
 */
export async function pushRevocations(system: NatsConnection, keyring: Keyring, revoked: Revocations): Promise<void> {
  await push(system, await devicesToken(keyring, revoked));
}

/**
 * Updates the accounts of the service and the devices to the permissions of this version.
 * @throws Error if the servers refuse
 */
export async function pushAccounts(system: NatsConnection, keyring: Keyring, revoked: Revocations): Promise<void> {
  // Exports have to be pushed before imports.
  for (const token of [await devicesToken(keyring, revoked), await densityToken(keyring)]) await push(system, token);
}

async function push(system: NatsConnection, token: string): Promise<void> {
  const answer = await system.request('$SYS.REQ.CLAIMS.UPDATE', token, { timeout: 10_000 });
  const { error } = answer.json<{ error?: { description?: string } }>();
  if (error) throw new Error(`the servers refused the update of an account: ${error.description ?? 'no reason given'}`);
}
