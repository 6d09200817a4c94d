// What servers that run already are told about the accounts.
import type { NatsConnection } from 'nats';
import { densityToken, devicesToken, type Keyring, type Revocations } from './credentials.ts';

/** Tells every server whose credentials are void; their connections end. @throws Error when the servers refuse */
export async function pushRevocations(system: NatsConnection, keyring: Keyring, revoked: Revocations): Promise<void> {
  await push(system, await devicesToken(keyring, revoked));
}

/** Gives the accounts of the service and of the devices the rights that this version gives them. @throws Error when the servers refuse */
export async function pushAccounts(system: NatsConnection, keyring: Keyring, revoked: Revocations): Promise<void> {
  // First who offers, then who imports.
  for (const token of [await devicesToken(keyring, revoked), await densityToken(keyring)]) await push(system, token);
}

async function push(system: NatsConnection, token: string): Promise<void> {
  const answer = await system.request('$SYS.REQ.CLAIMS.UPDATE', token, { timeout: 10_000 });
  const { error } = answer.json<{ error?: { description?: string } }>();
  if (error)
    throw new Error(
      `the servers refuse what they are told about an account: ${error.description ?? 'no reason given'}`,
    );
}
