// Describes the losses of NATS in words, for logs, health checks and the account.
import type { RepairReport } from './repair-logs.ts';

export function describeLosses({
  readings,
  commits,
  topology,
}: Pick<RepairReport, 'readings' | 'commits' | 'topology'>): string {
  const losses: string[] = [];
  if (readings) {
    const when =
      readings.fromMs === null || readings.toMs === null
        ? ''
        : `, stored between ${new Date(readings.fromMs).toISOString()} and ${new Date(readings.toMs).toISOString()}`;
    losses.push(`READINGS lost ${readings.messages} routed messages, ${readings.fromSeq} to ${readings.toSeq}${when}`);
  }
  if (commits) losses.push(`SPACE_EVENTS lost ${commits.messages} commits, ${commits.fromSeq} to ${commits.toSeq}`);
  if (topology.restored > 0) losses.push(`TOPOLOGY lost ${topology.restored} entries, which were restored`);
  if (topology.lost > 0) losses.push(`TOPOLOGY lost up to ${topology.lost} entries for good`);
  return losses.length === 0 ? 'no known data was lost' : losses.join('; ');
}
