import type { Config } from '../config.ts';
import type { NatsHandles } from '../nats/connect.ts';
import { NatsLeases } from '../nats/leases.ts';

/**
 * For commands that change data which a running service would change too. @throws Error that names the running
 * processes
 */
export async function assertServiceStopped(config: Config, nats: NatsHandles): Promise<NatsLeases> {
  const leases = await NatsLeases.open(nats, config.LEASE_TTL_MS, config.STREAM_REPLICAS);
  const members = await leases.members();
  if (members.length === 0) return leases;
  const names = members.map(({ name }) => name).sort();
  throw new Error(
    `the service is running: ${names.join(', ')}; stop every process first (the membership of a killed process expires after ${config.LEASE_TTL_MS} ms)`,
  );
}
