import type { NatsConnection } from 'nats';
import { devicesToken, type Keyring, type Revocations } from './credentials.ts';

/** Tells every server whose credentials are void; their connections end. @throws Error when the servers refuse */
export async function pushRevocations(system: NatsConnection, keyring: Keyring, revoked: Revocations): Promise<void> {
  const answer = await system.request('$SYS.REQ.CLAIMS.UPDATE', await devicesToken(keyring, revoked), { timeout: 10_000 });
  const { error } = answer.json<{ error?: { description?: string } }>();
  if (error) throw new Error(`the servers refuse the revocations: ${error.description ?? 'no reason given'}`);
}
