// Describes the losses of NATS in words, for logs, health checks and the account.
import type { RepairReport } from './repair-logs.ts';

export function describeLosses({
  readings,
  commits,
  topology,
  unreadable,
}: Pick<RepairReport, 'readings' | 'commits' | 'topology' | 'unreadable'>): string {
  const losses: string[] = [];
  if (readings) {
    losses.push(
      `READINGS lost ${readings.messages} routed messages, ${readings.fromSeq} to ${readings.toSeq}${between(readings)}`,
    );
  }
  if (unreadable && unreadable.messages > 0) {
    const which = unreadable.ranges.map(([fromSeq, toSeq]) => (fromSeq === toSeq ? fromSeq : `${fromSeq} to ${toSeq}`));
    losses.push(
      `READINGS does not return ${unreadable.messages} messages that may not have been routed, of ${which.join(', ')}${between(unreadable)}`,
    );
  }
  if (commits) losses.push(`SPACE_EVENTS lost ${commits.messages} commits, ${commits.fromSeq} to ${commits.toSeq}`);
  if (topology.restored > 0) losses.push(`TOPOLOGY lost ${topology.restored} entries, which were restored`);
  if (topology.lost > 0) losses.push(`TOPOLOGY lost up to ${topology.lost} entries for good`);
  return losses.length === 0 ? 'no known data was lost' : losses.join('; ');
}

function between({ fromMs, toMs }: { readonly fromMs: number | null; readonly toMs: number | null }): string {
  if (fromMs === null) return '';
  const from = new Date(fromMs).toISOString();
  return toMs === null ? `, stored after ${from}` : `, stored between ${from} and ${new Date(toMs).toISOString()}`;
}
