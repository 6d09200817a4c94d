// The queries of ClickHouse about claims, on rows in memory.
import type { ClaimsQuery, DpuClaim } from '../../../src/ports/history.ts';
import { loggedEvent } from '../../../src/domain/log-entry.ts';
import type { Row } from './memory-history.ts';

/** @param rows of the space that is asked for */
export function claimsOfRows(
  rows: readonly Row[],
  { block, dpuIds, fromMs, toMs, limit }: Omit<ClaimsQuery, 'spaceId'>,
): DpuClaim[] {
  const claims = new Map<string, { event: DpuClaim['event']; signs: number }>();
  for (const row of rows) {
    if (row.block > block || row.timestampMs < fromMs || row.timestampMs >= toMs || !dpuIds.includes(row.dpuId))
      continue;
    const { readingId, timestampMs, doorwayId, entrances, exits, isEgress, primary } = row;
    const key = [readingId, timestampMs, doorwayId, entrances, exits, isEgress, primary].join(' ');
    const claim = claims.get(key) ?? { event: loggedEvent({ ...row, sign: 1 }, 0), signs: 0 };
    claims.set(key, claim);
    claim.signs += row.sign;
  }
  return [...claims.values()].filter(({ signs }) => signs !== 0).slice(0, limit);
}
